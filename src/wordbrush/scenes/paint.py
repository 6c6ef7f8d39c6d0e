"""The shapes that places are made of: soft-edged, at any size."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""A picture (size, size, 3) in 0..1; shapes are drawn on it in place."""

Colour = Sequence[float]
"""Red, green and blue in 0..1."""

Gradient = tuple[Colour, Colour]
"""Two colours, upper and lower."""


def sky_and_ground(horizon: float, size: int, sky: Gradient, ground: Gradient) -> Picture:
    """Two gradients, each from top to bottom, that meet at the horizon."""
    y = (np.arange(size, dtype=np.float32) + 0.5) / size
    top, bottom = np.array(sky, np.float32), np.array(ground, np.float32)
    above = top[0] + (top[1] - top[0]) * np.clip(y / horizon, 0, 1)[:, None]
    below = bottom[0] + (bottom[1] - bottom[0]) * np.clip((y - horizon) / (1 - horizon), 0, 1)[:, None]
    cover = np.clip((y - horizon) * size + 0.5, 0, 1)[:, None]
    column = above * (1 - cover) + below * cover
    return np.repeat(column[:, None], size, axis=1).astype(np.float32)


def blob(picture: Picture, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
    """An ellipse with soft edges; all lengths are fractions of the picture."""
    size = len(picture)
    x0, x1 = max(0, int((x - rx) * size) - 1), min(size, int((x + rx) * size) + 2)
    y0, y1 = max(0, int((y - ry) * size) - 1), min(size, int((y + ry) * size) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    dx = ((np.arange(x0, x1) + 0.5) / size - x) / rx
    dy = ((np.arange(y0, y1) + 0.5) / size - y) / ry
    edge = 1 - np.sqrt(dx[None] ** 2 + dy[:, None] ** 2)
    cover = np.clip(edge * min(rx, ry) * size + 0.5, 0, 1)[..., None].astype(np.float32)
    picture[y0:y1, x0:x1] += cover * (np.array(colour, np.float32) - picture[y0:y1, x0:x1])


def box(picture: Picture, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
    """A rectangle; all lengths are fractions of the picture."""
    size = len(picture)
    rows = slice(max(0, round(y0 * size)), max(0, round(y1 * size)))
    columns = slice(max(0, round(x0 * size)), max(0, round(x1 * size)))
    picture[rows, columns] = colour


def peak(picture: Picture, x: float, top: float, base: float, half_width: float, colour: Colour) -> None:
    """A triangle whose base is at `base`; all lengths are fractions of the picture."""
    size = len(picture)
    y0, y1 = max(0, int(top * size)), min(size, int(base * size) + 1)
    x0, x1 = max(0, int((x - half_width) * size) - 1), min(size, int((x + half_width) * size) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    down = ((np.arange(y0, y1) + 0.5) / size - top) / (base - top)
    across = np.abs((np.arange(x0, x1) + 0.5) / size - x)
    edge = (down[:, None] * half_width - across[None]) * size
    cover = np.clip(edge + 0.5, 0, 1)[..., None].astype(np.float32)
    picture[y0:y1, x0:x1] += cover * (np.array(colour, np.float32) - picture[y0:y1, x0:x1])
