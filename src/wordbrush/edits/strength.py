"""Strength: one dial from holding nearly all of the source to the plain picture of the target.

It moves every window that an edit has, given or by default: 0.5 leaves them, less widens them to all steps, more
closes them.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from wordbrush.errors import SettingsError
from wordbrush.settled import number, settle, whole

AUTO = "auto"
"""Stands for a search: the strength whose result scores best."""
UNCHANGED = 0.5
"""The strength at which windows are what they are without it."""


@dataclass(frozen=True)
class StrengthSearch:
    """A search for the strength; `strength="auto"` is one with these defaults.

    - `candidates`: the largest number of edits to try, 1 to 5. With their scores and the final run, five cost at most
      eight plain pictures. Default: 5.
    - `good_enough`: the score, 0 to 1, at which the search stops early. Default: 0.9.
    - `clip`: a local folder of a CLIP model whose opinion is part of the score. Default: None.

    Raises `SettingsError` for a value outside of its range.

    >>> StrengthSearch(candidates=3).candidates
    3
    """

    candidates: int = 5
    good_enough: float = 0.9
    clip: str | None = None

    @classmethod
    def asked(cls, strength: object) -> "StrengthSearch | None":
        """The search that a strength asks for; None for a number, or for none.

        >>> StrengthSearch.asked("auto"), StrengthSearch.asked(0.5)
        (StrengthSearch(candidates=5, good_enough=0.9, clip=None), None)
        """
        if isinstance(strength, cls):
            return strength
        return cls() if strength == AUTO else None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if isinstance(self.clip, Path):
            object.__setattr__(self, "clip", str(self.clip))
        settle(self)
        if not 1 <= whole(self.candidates, "candidates") <= 5:
            raise SettingsError(f"candidates of a search is {self.candidates}; give 1 to 5")
        if not 0 <= self.good_enough <= 1:
            raise SettingsError(f"good_enough is {self.good_enough}; give a score from 0 to 1")


def check_strength(value: object) -> float:
    """A strength as a number. Raises `SettingsError`.

    >>> check_strength(1)
    1.0
    """
    strength = float(number(value, "strength"))
    if not 0 <= strength <= 1:
        raise SettingsError(f"strength is {strength:g}; give a number from 0 to 1, or 'auto'")
    return strength


def moved_window(window: tuple[float, float], strength: float, least: float = 0.0) -> tuple[float, float]:
    """A window (start, end) at a strength: a smaller strength's window has every step of a larger one's.

    `least` is the part of the steps that it keeps at any strength, if it had that.

    >>> [moved_window((0.0, 0.8), strength) for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    [(0.0, 1.0), (0.0, 0.9), (0.0, 0.8), (0.0, 0.4), (0.0, 0.0)]
    """
    start, end = window
    if strength < UNCHANGED:
        free = strength / UNCHANGED
        start, end = start * free, 1 - (1 - end) * free
    elif strength > UNCHANGED:
        end = max(end * (1 - strength) / (1 - UNCHANGED), min(end, least))
    end = round(end, 4)
    return min(round(start, 4), end), end


def one_step(num_steps: int) -> float:
    """The smallest part of the steps, to four places, that has one of them.

    >>> one_step(15), int(one_step(49) * 49)
    (0.0667, 1)
    """
    return math.ceil(10_000 / num_steps) / 10_000
