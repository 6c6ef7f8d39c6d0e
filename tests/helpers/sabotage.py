"""What people do to pipelines, and processors that do not do what is asked of them."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import torch

from helpers.oracles import explicit_maps
from wordbrush.editor import Editor

PROMPT, TARGET = "a photo of a dog", "a photo of a cat"


def edited_with(pipeline: Any, run: Mapping[str, Any]) -> torch.Tensor:
    """The latents of an edit of one word."""
    return Editor.from_pipeline(pipeline).generate_and_edit(PROMPT, TARGET, **run).latents


def changed(layer: Any, answer: Callable[..., Any]) -> None:
    """Give a layer a processor of its own kind that is called by `answer`."""
    kind = type(layer.processor)

    class Changed(kind):
        @wraps(kind.__call__)  # diffusers hands on what a processor names
        def __call__(self, *args, **given):
            return answer(super().__call__, *args, **given)

    layer.set_processor(Changed())


def forming_maps(own: Callable[..., Any], *args: Any, **given: Any) -> Any:
    """As xFormers, sliced and legacy processors do, it never calls the kernel that is controlled."""
    kernel = torch.nn.functional.scaled_dot_product_attention
    torch.nn.functional.scaled_dot_product_attention = lambda query, key, value, **_: explicit_maps(query, key) @ value
    try:
        return own(*args, **given)
    finally:
        torch.nn.functional.scaled_dot_product_attention = kernel


def twice(own: Callable[..., Any], *args: Any, **given: Any) -> Any:
    """It calls the kernel twice."""
    own(*args, **given)
    return own(*args, **given)


def assert_nothing_is_left(network: torch.nn.Module) -> None:
    """No hook and no function mode stays behind."""
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules()]
    assert sum(hooks) == 0
    assert torch.overrides._get_current_function_mode() is None
