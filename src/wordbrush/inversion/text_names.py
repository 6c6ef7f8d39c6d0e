"""A text among other named tensors, as kept inversions hold it: "text" are its states, "text.pooled" and the like all
else.
"""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor

from wordbrush.sampling.text import Text

T = TypeVar("T")

_STATES, _REST = "text", "text."


def text_names(parts: Mapping[str, T]) -> dict[str, T]:
    """What belongs to a text's parts (its tensors, their shapes), by the names that they are kept under.

    >>> text_names({"states": 1, "pooled": 2})
    {'text': 1, 'text.pooled': 2}
    """
    return {_STATES if name == "states" else _REST + name: part for name, part in parts.items()}


def text_tensors(text: Text) -> dict[str, Tensor]:
    """A text's tensors by the names that they are kept under."""
    return text_names(text.tensors())


def text_of(tensors: Mapping[str, Tensor]) -> Text:
    """The text among named tensors."""
    rest = {name.removeprefix(_REST): tensor for name, tensor in tensors.items() if name.startswith(_REST)}
    return Text.of({"states": tensors[_STATES], **rest})
