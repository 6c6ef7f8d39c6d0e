"""Habits: what a noun is shifts, softly, how its whole picture is composed.

In real pictures the layout hangs on the subject, and that is why regenerating with one word changed moves everything.
A tidy world would hide the problem that attention control solves; so here each noun has its own leanings.
"""

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Habits:
    """A noun's leanings, each in -1..1: where it stands, its size, the partner's side, horizon, colour, clutter."""

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
    """The leanings of a noun: fixed, and pushed apart so that few nouns lean nowhere.

    >>> habits_of("dog") == habits_of("dog") != habits_of("cat")
    True
    """
    drawn = np.random.default_rng(zlib.crc32(word.encode())).uniform(-1, 1, 8)
    return Habits(*(float(np.sign(v) * abs(v) ** 0.5) for v in drawn))


def lean(habit: float, draw: float) -> float:
    """A value in -1..1 that follows a habit three quarters of the way, and chance (`draw` in -1..1) for the rest."""
    return float(np.clip(0.75 * habit + 0.35 * draw, -1, 1))


def tint(habit: float, draw: float) -> float:
    """A hue or a brightness in -1..1: mostly chance, and a quarter habit.

    What a word says of the whole picture's hue comes with its values, which attention control leaves alone: an edit
    would lose it.
    """
    return float(np.clip(0.25 * habit + 0.65 * draw, -1, 1))


def side_of(habit: float, draw: float) -> float:
    """Left (-1) or right (1): the side of the habit in about three of four scenes, as `draw` in -1..1 has it."""
    return 1.0 if draw < 0.55 * float(np.sign(habit)) else -1.0
