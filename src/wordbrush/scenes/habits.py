"""Habits: how the subject's noun shifts the composition of its whole picture.

In real pictures the layout depends on the subject, which is why a regeneration with one word changed moves everything.
A tidy world would hide the problem that attention control solves, so here each noun has its own tendencies.
"""

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Habits:
    """A noun's tendencies, each in -1..1: its position and size, the partner's side, horizon, colour, light and
    clutter.
    """

    x: float
    y: float
    size: float
    side: float
    horizon: float
    warmth: float
    light: float
    clutter: float


@cache
def habits_of(word: str) -> Habits:
    """The tendencies of a noun: fixed, and pushed away from zero so that few nouns have none.

    >>> habits_of("dog") == habits_of("dog") != habits_of("cat")
    True
    """
    drawn = np.random.default_rng(zlib.crc32(word.encode())).uniform(-1, 1, 8)
    return Habits(*(float(np.sign(v) * abs(v) ** 0.5) for v in drawn))


def lean(habit: float, draw: float) -> float:
    """A value in -1..1 that follows a habit three quarters of the way; chance (`draw` in -1..1) decides the rest."""
    return float(np.clip(0.75 * habit + 0.35 * draw, -1, 1))


def tint(habit: float, draw: float) -> float:
    """A hue or a brightness in -1..1: mostly chance, and a quarter habit.

    A word carries the picture's hue in its values, which attention control leaves alone, so an edit would lose it.
    """
    return float(np.clip(0.25 * habit + 0.65 * draw, -1, 1))


def side_of(habit: float, draw: float) -> float:
    """Left (-1) or right (1): the habit's side in about three of four scenes; `draw` in -1..1 decides."""
    return 1.0 if draw < 0.55 * float(np.sign(habit)) else -1.0
