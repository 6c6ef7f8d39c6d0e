"""A network made faster in place: its convolutions' weights laid out for the kernel, and its parts without attention
compiled, so that the seam still sees every attention call.

Compiled are residual blocks, and what stands beside attention in a block and is more than one operation: modulated
norms, feed-forwards. Each has a graph for each form of its inputs (rows, size, dtype), and parts that are built alike
share theirs.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FunctionType
from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from wordbrush.errors import MissingPackageError, ModelError

MOST_FORMS = 16
"""A part runs as it was written where its inputs have one form more."""

Forward = Callable[..., Any]


def lay_out(network: nn.Module) -> bool:
    """Lay out the weights of a U-Net's convolutions with channels last, in place, and say whether it has any.

    Their values stay; what follows them is laid out so too, and saves turning pictures around.
    """
    has = any(isinstance(module, ResnetBlock2D) for module in network.modules())
    for module in network.modules() if has else ():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return has


def compile_parts(network: nn.Module, backend: str | Callable[..., Any]) -> None:
    """Compile the parts of a network that have no attention, in place; nothing is compiled before it first runs.

    What is compiled already stays so. Raises `ModelError` where nothing can be compiled, because all parts run by
    another's code (offloading).
    """
    graphs: dict[object, _Graphs] = {}
    for part in _parts(network):
        if "forward" not in part.__dict__:
            part.forward = CompiledForward(part, graphs.setdefault(_built(part), _Graphs(type(part), backend)))
    if all(_changed(part) for part in _parts(network)):
        raise ModelError("no part of this network can be compiled; compile before offloading or casting is set up")


def check_backend(backend: str, device: torch.device) -> None:
    """Raise `MissingPackageError` unless a backend of `torch.compile` compiles and runs on a device."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about its own code
            torch.compile(_doubled, backend=backend)(torch.ones(2, device=device))
    except Exception as error:  # each backend raises its own: for a C++ compiler, Triton, an unknown name
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise MissingPackageError(
            f"torch.compile cannot compile for {device.type} here ({said[0]:.200}); on a CPU it needs a C++ compiler "
            "(g++ or clang++ on the PATH, or named by CXX), on a GPU Triton. Install it, or leave out compile()"
        ) from error


@contextmanager
def parts_as_written(network: nn.Module) -> Iterator[None]:
    """A scope in which compiled parts run as they were written, for hooks on modules inside of them."""
    with torch.compiler.set_stance("force_eager") if has_compiled_parts(network) else nullcontext():
        yield


def has_compiled_parts(network: nn.Module) -> bool:
    """Whether any part was compiled here."""
    return any(isinstance(each.__dict__.get("forward"), CompiledForward) for each in network.modules())


class CompiledForward:
    """The forward of a part: compiled, and as it was written where gradients are taken or its layers were changed.

    A LoRA's scale is a number in its layers, of which each value would be compiled for itself, and what offloads
    replaces the forward of each layer.
    """

    def __init__(self, part: nn.Module, graphs: "_Graphs") -> None:
        """Stand in for `part.forward`."""
        self._part = part
        self._graphs = graphs

    def __call__(self, *args: Any, **given: Any) -> Any:
        """Run the part."""
        run: Forward = type(self._part).forward
        if not torch.is_grad_enabled() and not _changed(self._part):
            run = self._graphs.of(args, given)
        return run(self._part, *args, **given)


class _Graphs:
    """The compiled forward of parts that are built alike, by the form of their inputs.

    torch counts graphs by code object, eight each by default, and looks for the one that fits among all of them. A
    code object of its own for each form needs no setting of the whole process, and nothing is looked for.
    """

    def __init__(self, kind: type[nn.Module], backend: str | Callable[..., Any]) -> None:
        self._kind = kind
        self._backend = backend
        self._by_form: dict[object, Forward] = {}

    def of(self, args: tuple[Any, ...], given: dict[str, Any]) -> Forward:
        """What runs inputs of a form."""
        form = tuple(_form(each) for each in (*args, *given.values()))
        run = self._by_form.get(form)
        if run is None:
            if len(self._by_form) == MOST_FORMS:
                return self._kind.forward
            run = torch.compile(_of_its_own(self._kind.forward), backend=self._backend, dynamic=False)
            self._by_form[form] = run
        return run


def _of_its_own(forward: Forward) -> Forward:
    """The same function, with another code object."""

    def run(part: nn.Module, *args: Any, **given: Any) -> Any:
        return forward(part, *args, **given)

    return FunctionType(run.__code__.replace(), run.__globals__, run.__name__, None, run.__closure__)


def _changed(part: nn.Module) -> bool:
    """Whether a part or a layer of it has a LoRA, or runs by another's code. Asked at each call."""
    own, unseen = part.__dict__.get("forward"), list(part._modules.values())
    if own is not None and not isinstance(own, CompiledForward):
        return True
    while unseen:
        if (module := unseen.pop()) is not None:
            if "forward" in module.__dict__ or "lora_A" in module._modules:
                return True
            unseen += module._modules.values()
    return False


def _form(value: Any) -> object:
    return (value.shape, value.stride(), value.dtype) if isinstance(value, Tensor) else type(value)


def _built(part: nn.Module) -> object:
    """What parts have in common whose graphs are the same."""
    return repr(part), tuple((name, each.dtype, each.stride()) for name, each in part.state_dict().items())


def _parts(network: nn.Module) -> Iterator[nn.Module]:
    """The parts to compile of a network, whose own children run once a call and stay as they are."""
    for child in network.children():
        if _holds_a_block(child):
            yield from _parts_of(child)


def _parts_of(module: nn.Module) -> Iterator[nn.Module]:
    if _is_attention(module):
        return
    if isinstance(module, ResnetBlock2D):
        yield module
    elif _holds_a_block(module):
        for child in module.children():
            yield from _parts_of(child)
    elif sum(not any(each.children()) for each in module.modules()) > 1:
        yield module


def _is_attention(module: nn.Module) -> bool:
    return hasattr(module, "get_processor")


def _holds_a_block(module: nn.Module) -> bool:
    return any(_is_attention(each) or isinstance(each, ResnetBlock2D) for each in module.modules())


def _doubled(tensor: Tensor) -> Tensor:
    return tensor * 2
