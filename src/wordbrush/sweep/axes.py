"""One parameter of an edit, and the values that it takes: an axis of a sweep."""

import math
from dataclasses import dataclass, fields, is_dataclass, replace
from types import UnionType
from typing import Any, get_args, get_type_hints

from wordbrush.edits.settings import EditSettings
from wordbrush.edits.window import DEFAULT
from wordbrush.errors import SettingsError

_WINDOWS = ("cross_replace_steps", "self_replace_steps")
_FRACTIONS = (*_WINDOWS, "strength")


@dataclass(frozen=True)
class Axis:
    """A parameter and its values, in the order in which they are shown; `word` is whose weight it is.

    - `parameter`: "cross_replace_steps" or "self_replace_steps" for the end of a window, that of every word that has
      none of its own; "weight" for a word's factor; or any other numeric option of an edit, a field of a nested one as
      "local_blend.threshold" (`parameters` lists them).

    Raises `SettingsError`.

    >>> Axis("self_replace_steps", (0.0, 0.25, 0.5)).label
    'self_replace_steps'
    >>> Axis("weight", (1, 2), "apple").label
    "weight of 'apple'"
    """

    parameter: str
    values: tuple[float, ...]
    word: str = ""

    def __post_init__(self) -> None:
        """Check what does not depend on the prompts."""
        if self.parameter not in parameters():
            raise SettingsError(f"axis '{self.parameter:.60}' is none of {', '.join(parameters())}")
        if (self.parameter == "weight") != bool(self.word.strip()):
            raise SettingsError("an axis of weights names its word, and no other axis names one")
        if not self.values:
            raise SettingsError(f"the axis of {self.label} has no value; give at least one")
        if len(set(self.values)) < len(self.values):
            raise SettingsError(f"the axis of {self.label} has a value twice; give each once")
        for value in self.values:
            if not math.isfinite(value):
                raise SettingsError(f"the axis of {self.label} has {value}; give finite numbers")
            if parameters().get(self.parameter) is int and value != int(value):
                raise SettingsError(f"the axis of {self.label} has {value:g}; give whole numbers")
            if self.parameter in _FRACTIONS and not 0 <= value <= 1:
                what = "strengths" if self.parameter == "strength" else "fractions of the steps"
                raise SettingsError(f"the axis of {self.label} has {value:g}, outside of 0..1; give {what}")

    @property
    def label(self) -> str:
        """What it is called on a sheet."""
        return f"weight of '{self.word}'" if self.word else self.parameter

    def applied(self, edit: EditSettings, value: float) -> EditSettings:
        """The edit with this parameter at a value, and all else as it was."""
        if self.parameter == "weight":
            return replace(edit, equalizer={**edit.equalizer, self.word: value})
        if self.parameter == "cross_replace_steps":
            return replace(edit, cross_replace_steps={**edit.cross_replace_steps, DEFAULT: (0.0, value)})
        if self.parameter == "self_replace_steps":
            return replace(edit, self_replace_steps=(0.0, value))
        if self.parameter == "strength":
            return edit.at_strength(value)
        number = parameters()[self.parameter](value)
        option, dot, field = self.parameter.partition(".")
        if not dot:
            return replace(edit, **{option: number})
        nested = getattr(edit, option)
        if nested is None:
            raise SettingsError(f"there is no {option}, whose {field} could change; give one to the sweep")
        return replace(edit, **{option: replace(nested, **{field: number})})


def parameters() -> dict[str, type]:
    """What an axis can be of, and the type of its values: every number among an edit's settings.

    >>> {"weight", "self_replace_max_pixels", "local_blend.threshold"} <= set(parameters())
    True
    """
    found: dict[str, type] = {**dict.fromkeys(_WINDOWS, float), "weight": float}
    for option, kind in _numbers(EditSettings):
        if kind in (int, float):
            found[option] = kind
        elif is_dataclass(kind):
            found |= {f"{option}.{field}": number for field, number in _numbers(kind) if number in (int, float)}
    return found


def _numbers(kind: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass and their types, without None."""
    hints = get_type_hints(kind)
    return [(field.name, _without_none(hints[field.name])) for field in fields(kind)]


def _without_none(kind: Any) -> Any:
    return next(k for k in get_args(kind) if k is not type(None)) if isinstance(kind, UnionType) else kind
