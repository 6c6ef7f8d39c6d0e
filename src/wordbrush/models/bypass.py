"""A network without one of its blocks: what the block is given goes on as it is."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from wordbrush.errors import ModelError
from wordbrush.models.intercept import named_modules, uncompiled

_PICTURE, _TEXT = ("hidden_states", "x"), ("encoder_hidden_states",)
"""What diffusers' blocks call their inputs."""


@contextmanager
def skipped(network: nn.Module, block: str) -> Iterator[None]:
    """A scope in which the module `block` of `network` hands on what it is given; it still computes. The network runs
    as it was written, not as it was compiled.

    Raises `ModelError` for a module that is not there, or whose output is not of the kind of its input.
    """
    module = dict(named_modules(network)).get(block)
    if module is None:
        raise ModelError(f"the model has no block '{block:.80}'; name a module that has attention layers")

    def hand_on(module: nn.Module, args: tuple[Any, ...], given: dict[str, Any], output: Any) -> Any:
        inputs = inspect.signature(type(module).forward).bind(module, *args, **given).arguments
        return _handed_on(block, inputs, output)

    handle = module.register_forward_hook(hand_on, with_kwargs=True)
    try:
        with uncompiled(network):
            yield
    finally:
        handle.remove()


def _handed_on(block: str, inputs: Mapping[str, Any], output: Any) -> Any:
    picture = next((inputs[name] for name in _PICTURE if name in inputs), None)
    text = next((inputs[name] for name in _TEXT if name in inputs), None)
    parts: tuple[Tensor | None, ...] = ()
    instead: tuple[Tensor | None, ...] = ()
    if isinstance(output, Tensor):
        parts, instead = (output,), (picture,)
    elif isinstance(output, tuple) and len(output) == 2:  # diffusers' blocks of two streams give the text first
        parts, instead = output, (text if output[0] is not None else None, picture)
    if not parts or any(_shape(part) != _shape(one) for part, one in zip(parts, instead, strict=True)):
        raise ModelError(f"block '{block}' gives another shape than it is given, so it cannot be left out")
    return instead[0] if isinstance(output, Tensor) else instead


def _shape(part: Tensor | None) -> tuple[int, ...] | None:
    return None if part is None else tuple(part.shape)
