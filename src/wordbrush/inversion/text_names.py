"""A text's tensors among others, as kept inversions name them: "text" for its states, "text.pooled" and so on for the
rest.
"""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor

from wordbrush.sampling.text import Text

T = TypeVar("T")

_STATES, _REST = "text", "text."


def text_names(parts: Mapping[str, T]) -> dict[str, T]:
    """A text's parts (its tensors, or their shapes) by the names under which they are kept.

    >>> text_names({"states": 1, "pooled": 2})
    {'text': 1, 'text.pooled': 2}
    """
    return {_STATES if name == "states" else _REST + name: part for name, part in parts.items()}


def text_tensors(text: Text) -> dict[str, Tensor]:
    """A text's tensors by the names under which they are kept."""
    return text_names(text.tensors())


def text_of(tensors: Mapping[str, Tensor]) -> Text:
    """The text among named tensors."""
    rest = {name.removeprefix(_REST): tensor for name, tensor in tensors.items() if name.startswith(_REST)}
    return Text.of({"states": tensors[_STATES], **rest})
