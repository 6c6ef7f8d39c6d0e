"""When and how strongly a LoRA acts in a branch of an edit: what a user says of it, and what that is at each step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

from wordbrush.edits.window import EVERY_STEP, Window, format_window
from wordbrush.errors import SettingsError, cited
from wordbrush.settled import number, settle

LoraScales = tuple[tuple[str, float], ...]
"""The scale of each LoRA that is loaded, by name: the weights of a model call. 0 is not at all."""


@dataclass(frozen=True)
class LoraWindow:
    """A loaded LoRA, how strongly it acts, and in which part of the steps.

    - `name`: what `Editor.load_lora` returned.
    - `scale`: how strongly it acts, any finite number; 0 is not at all. Default: 1, as it was trained.
    - `start`, `end`: the part of the steps in which it acts, as fractions from 0 to 1. Default: all.

    Raises `SettingsError` for a value outside of its range.

    >>> print(LoraWindow("style", 0.8, end=0.5))
    LoRA 'style' x 0.8 until 0.5
    """

    name: str
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        """Check the values."""
        settle(self)
        if not isfinite(self.scale):
            raise SettingsError(
                f"the scale of the LoRA '{cited(self.name)}' is {self.scale}; give a number, such as 1"
            )
        Window.parse((self.start, self.end), f"the window of the LoRA '{cited(self.name)}'")

    @property
    def window(self) -> Window:
        """The part of the steps."""
        return Window(self.start, self.end)

    def __str__(self) -> str:
        """What messages and records call it."""
        bounds = format_window((self.start, self.end))
        when = "" if self.window == EVERY_STEP else f" until {bounds}" if self.start == 0 else f" from {bounds}"
        return f"LoRA '{self.name}' x {self.scale:g}{when}"


LorasOption = Mapping[str, float] | Sequence[LoraWindow]
"""LoRAs as a user names them: scales by name, or windows."""


def named_loras(windows: Sequence[LoraWindow]) -> str:
    """The LoRAs of a branch, to be read.

    >>> named_loras([LoraWindow("style"), LoraWindow("toy", 0.5, 0.2, 0.6)]), named_loras([])
    ("LoRA 'style' x 1, LoRA 'toy' x 0.5 from 0.2 to 0.6", 'no LoRA')
    """
    return ", ".join(map(str, windows)) or "no LoRA"


def parse_loras(value: LorasOption | None, option: str) -> tuple[LoraWindow, ...] | None:
    """Read the LoRAs of a branch; None where nothing is said. `option` is what errors call it.

    Several windows of one LoRA may follow each other. Raises `SettingsError`.

    >>> parse_loras({"style": 0.8}, "target_adapters")
    (LoraWindow(name='style', scale=0.8, start=0.0, end=1.0),)
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        found = [LoraWindow(name, number(scale, f"{option} of '{name}'")) for name, scale in value.items()]
    elif isinstance(value, Sequence) and all(isinstance(one, LoraWindow) for one in value):
        found = list(value)
    else:
        raise SettingsError(
            f"{option} is {value!r:.60}; give scales by name, such as {{'style': 0.8}}, or LoraWindows"
        )
    check_loras(found, option)
    return tuple(found)


def check_loras(windows: Sequence[LoraWindow], option: str) -> None:
    """Raise `SettingsError` for a LoRA with two windows at a time."""
    for one, other in combinations(windows, 2):
        if one.name == other.name and max(one.start, other.start) < min(one.end, other.end):
            raise SettingsError(f"{option} has '{cited(one.name)}' twice at a time; let its windows follow each other")


def check_loaded(windows: Sequence[LoraWindow] | None, loaded: Mapping[str, float], option: str) -> None:
    """Raise `SettingsError` for a LoRA that is not `loaded`."""
    for window in windows or ():
        if window.name not in loaded:
            raise SettingsError(
                f"{option} has the LoRA '{cited(window.name)}', which is not loaded; loaded are: "
                f"{', '.join(loaded) or 'none'}"
            )


def scales_at(
    windows: Sequence[LoraWindow] | None, loaded: Mapping[str, float], step: int, num_steps: int
) -> LoraScales:
    """The scale of each LoRA at a step: as they are `loaded` where no windows are given, else exactly the named act.

    >>> scales_at([LoraWindow("style", 0.8, end=0.5)], {"style": 1.0, "toy": 1.0}, 0, 4)
    (('style', 0.8), ('toy', 0.0))
    """
    if windows is None:
        return tuple((name, float(scale)) for name, scale in loaded.items())
    acting = {one.name: float(one.scale) for one in windows if step in one.window.steps(num_steps)}
    return tuple((name, acting.get(name, 0.0)) for name in loaded)
