"""Reading the weights of metrics from files: safetensors only, and no tensor left at random values."""

from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from wordbrush.errors import ModelError
from wordbrush.loading import load_network
from wordbrush.quiet import quietly

Network = TypeVar("Network", bound=nn.Module)


def filled(network: Network, path: Path) -> Network:
    """The network with the weights of a file. The file may hold more tensors, such as a classifier's head.

    Raises `ModelError` naming the file and the first tensor that is missing or of another shape.
    """
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise ModelError(f"the weights '{path}' do not exist; put the file there (see docs/pie-bench.md)") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"the weights '{path}' cannot be read ({error!s:.80}); copy the file again") from None
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            raise ModelError(
                f"the weights '{path}' have no tensor '{name}'; give a file with the names in docs/pie-bench.md"
            )
        if tensors[name].shape != tensor.shape:
            raise ModelError(
                f"'{name}' in the weights '{path}' is {list(tensors[name].shape)}, not {list(tensor.shape)}; "
                f"give the weights of a {type(network).__name__}"
            )
    network.load_state_dict({name: tensors[name] for name in wanted})
    return network


def pretrained(kind: Any, folder: Path, **settings: object) -> Any:
    """A network of transformers from a local folder, with none of its weights left at random values.

    Raises `ModelError` when it cannot be loaded, or when the folder lacks some of the weights.
    """
    with quietly():
        # Beside a network there may be the heads of what it was trained for.
        return load_network(kind, folder, unused=("",), use_safetensors=True, **settings)
