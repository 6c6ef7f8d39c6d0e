"""One parameter of an edit, and the values that it takes: an axis of a sweep."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from wordbrush.edits.schedule import DEFAULT
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import SettingsError

Parameter = Literal["cross_replace_steps", "self_replace_steps", "weight"]


@dataclass(frozen=True)
class Axis:
    """A parameter and its values, in the order in which they are shown; `word` is whose weight it is.

    A value of `cross_replace_steps` is the window of every word that has none of its own. Raises `SettingsError`.

    >>> Axis("self_replace_steps", (0.0, 0.25, 0.5)).label
    'self_replace_steps'
    >>> Axis("weight", (1, 2), "apple").label
    "weight of 'apple'"
    """

    parameter: Parameter
    values: tuple[float, ...]
    word: str = ""

    def __post_init__(self) -> None:
        """Check what does not depend on the prompts."""
        if self.parameter not in get_args(Parameter):
            raise SettingsError(f"axis '{self.parameter}' is none of {', '.join(get_args(Parameter))}")
        if (self.parameter == "weight") != bool(self.word.strip()):
            raise SettingsError("an axis of weights names its word, and no other axis names one")
        if not self.values:
            raise SettingsError(f"the axis of {self.label} has no value; give at least one")
        if len(set(self.values)) < len(self.values):
            raise SettingsError(f"the axis of {self.label} has a value twice; give each once")
        for value in self.values:
            if not math.isfinite(value):
                raise SettingsError(f"the axis of {self.label} has {value}; give finite numbers")
            if self.parameter != "weight" and not 0 <= value <= 1:
                raise SettingsError(
                    f"the axis of {self.label} has {value:g}, outside of 0..1; give parts of the steps"
                )

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
        return replace(edit, self_replace_steps=(0.0, value))
