"""Networks of diffusers and transformers from a local folder, whole: no tensor is left at random values unsaid.

Both libraries fill what a file lacks with random values, drop what they do not know, and say so only in a log. Here
that report is read: names that a tool prefixed are mended, and anything else is refused by name.
"""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wordbrush.errors import ModelError, ModelWarning

WRAPPERS: Mapping[str, str] = {
    "_orig_mod.": "a compiled model",
    "_fsdp_wrapped_module.": "a sharded model",
    "base_model.model.": "a wrapped model",
    "module.": "a model in parallel",
    "base_layer.": "a layer with an adapter",
}
"""What tools put into the names of a model's tensors, and what it is a sign of."""

_UNUSED = ("position_ids",)
"""Endings of tensors that earlier versions of the libraries saved, and that are computed today."""
_ADAPTERS = ("lora_", ".hada_", ".lokr_", ".oft_")


def load_network(kind: Any, folder: Path, *, unused: Collection[str] = (), **options: object) -> Any:
    """The network of class `kind` in a folder, with every tensor from its files, and nothing from elsewhere.

    Tensors whose names begin as `unused` say may be there too. Warns with `ModelWarning` where names were mended.
    Raises `ModelError` for what cannot be loaded, and for tensors that are missing, unknown or of another shape.
    """
    network, report = _loaded(kind, folder, options)
    missing, unknown = set(report["missing_keys"]), set(report["unexpected_keys"])
    if wrapped := _mended_names(unknown, missing):
        _fill(network, folder, wrapped, options.get("variant"))
        missing -= set(wrapped.values())
        missing -= _tied(network, missing)
        unknown -= set(wrapped)
    unknown = {name for name in unknown if not (name.endswith(_UNUSED) or name.startswith(tuple(unused)))}
    if adapters := [name for name in unknown if any(mark in name for mark in _ADAPTERS)]:
        raise ModelError(
            f"'{folder}' has weights of an adapter ({_some(adapters)}), which would not act; merge it into the model "
            "(fuse_lora, merge_and_unload), save that, and load it"
        )
    lacking = [*missing, *(name for name, *_ in report["mismatched_keys"])]
    if lacking:
        raise ModelError(
            f"'{folder}' cannot be loaded ({_some(lacking)} is missing or has another shape, and would be random); "
            "download or save the model again"
        )
    if unknown:
        raise ModelError(
            f"'{folder}' has {_some(unknown)}, which a {kind.__name__} of its config.json does not; save the model "
            "again with the configuration that it was made with"
        )
    if wrapped:
        marks = [f"'{mark}' of {what}" for mark, what in WRAPPERS.items() if any(mark in name for name in wrapped)]
        warnings.warn(
            f"'{folder}' names {len(wrapped)} tensors with {' and '.join(marks)}; they were loaded without it",
            ModelWarning,
            stacklevel=2,
        )
    return network


def _loaded(kind: Any, folder: Path, options: Mapping[str, object]) -> tuple[Any, Mapping[str, Any]]:
    try:
        network, report = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True, **options)
    except Exception as error:  # these libraries raise dozens of types for a broken file
        raise refused(folder, error) from error
    return network, report


def refused(folder: Path, error: Exception) -> ModelError:
    """The error of a folder that one of these libraries cannot load, with its reason in one line."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelError(f"'{folder}' cannot be loaded ({reason:.160}); download or save the model again")


def _mended_names(unknown: Collection[str], missing: Collection[str]) -> dict[str, str]:
    """Of names in a file those that are a missing one with something that a tool put in, and which one that is."""
    mended = {}
    for name in unknown:
        bare = name
        for mark in WRAPPERS:
            bare = bare.replace(mark, "")
        # transformers itself takes and leaves the name of the model inside.
        own = next((n for n in (bare, bare.removeprefix("text_model."), f"text_model.{bare}") if n in missing), None)
        if bare != name and own is not None:
            mended[name] = own
    return mended


def _fill(network: Any, folder: Path, names: Mapping[str, str], variant: object) -> None:
    import torch

    own = network.state_dict()
    for name, tensor in _tensors(folder, names, variant):
        if own[names[name]].shape != tensor.shape:
            raise ModelError(f"'{folder}' has '{name}' in another shape; download or save the model again")
        place = own[names[name]]
        if place.is_meta:  # diffusers gives what a file lacks no memory
            network.load_state_dict({names[name]: tensor.to(place.dtype)}, strict=False, assign=True)
        else:
            with torch.no_grad():
                place.copy_(tensor)


def _tied(network: Any, names: Collection[str]) -> set[str]:
    """Those of the names whose tensors are another one's memory: a decoder's, which is the embedding."""
    if not hasattr(network, "tie_weights"):
        return set()
    network.tie_weights()
    own = network.state_dict()
    filled = {tensor.data_ptr() for name, tensor in own.items() if name not in names and not tensor.is_meta}
    return {name for name in names if own[name].data_ptr() in filled}


def _tensors(folder: Path, names: Collection[str], variant: object) -> Iterator[tuple[str, Any]]:
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        marks = path.name.split(".")[1:-1]  # "model.fp16.safetensors", "model.fp16-00001-of-00002.safetensors"
        if (marks[0].split("-0")[0] if marks else None) == variant:
            with safe_open(path, framework="pt") as file:
                yield from ((name, file.get_tensor(name)) for name in file.keys() if name in names)  # noqa: SIM118


def _some(names: Collection[str]) -> str:
    ordered: Sequence[str] = sorted(names)
    return f"the tensor '{ordered[0]}'" + (f" and {len(ordered) - 1} more" if len(ordered) > 1 else "")
