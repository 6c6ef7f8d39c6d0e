"""Places, drawn with numpy: a sky, a ground, and scattered things; soft edges at any size."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from wordbrush.scenes.scene import Backdrop

Picture = NDArray[np.float32]
"""A picture (size, size, 3) in 0..1, drawn on in place."""


def draw_backdrop(backdrop: Backdrop, size: int) -> Picture:
    """Draw a place, (size, size, 3) in 0..1."""
    rng = np.random.default_rng(backdrop.seed)
    picture = _PLACES[backdrop.place](backdrop, size, rng)
    tint = np.array([1 + 0.16 * backdrop.warmth, 1, 1 - 0.2 * backdrop.warmth], np.float32)
    return np.clip(picture * (tint * (1 + 0.14 * backdrop.light)), 0, 1)


def _sky_and_ground(backdrop: Backdrop, size: int, sky: list[list[float]], ground: list[list[float]]) -> Picture:
    """Two gradients, each from top to bottom, that meet at the horizon."""
    y = (np.arange(size, dtype=np.float32) + 0.5) / size
    horizon = backdrop.horizon
    top, bottom = np.array(sky, np.float32), np.array(ground, np.float32)
    above = top[0] + (top[1] - top[0]) * np.clip(y / horizon, 0, 1)[:, None]
    below = bottom[0] + (bottom[1] - bottom[0]) * np.clip((y - horizon) / (1 - horizon), 0, 1)[:, None]
    cover = np.clip((y - horizon) * size + 0.5, 0, 1)[:, None]
    column = above * (1 - cover) + below * cover
    return np.repeat(column[:, None], size, axis=1).astype(np.float32)


def _blob(picture: Picture, x: float, y: float, rx: float, ry: float, colour: tuple[float, float, float]) -> None:
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


def _box(picture: Picture, x0: float, y0: float, x1: float, y1: float, colour: tuple[float, float, float]) -> None:
    size = len(picture)
    rows = slice(max(0, round(y0 * size)), max(0, round(y1 * size)))
    columns = slice(max(0, round(x0 * size)), max(0, round(x1 * size)))
    picture[rows, columns] = colour


def _plain(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    wall = 0.72 + 0.12 * np.array([backdrop.warmth, backdrop.clutter - 0.5, -backdrop.warmth])
    floor = wall * (0.8 + 0.06 * backdrop.light)
    return _sky_and_ground(backdrop, size, [list(wall), list(wall + 0.06)], [list(floor), list(floor - 0.08)])


def _garden(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.42, 0.7, 0.95], [0.78, 0.9, 0.98]], [[0.45, 0.74, 0.3], [0.28, 0.56, 0.2]]
    )
    _clouds(picture, backdrop, rng)
    petals = [(0.95, 0.35, 0.5), (1.0, 0.85, 0.25), (0.98, 0.98, 0.98), (0.6, 0.4, 0.85)]
    for _ in range(int(2 + 12 * backdrop.clutter)):
        x, y = rng.uniform(0, 1), rng.uniform(backdrop.horizon + 0.04, 0.98)
        _blob(picture, x, y, 0.022, 0.022, petals[rng.integers(4)])
    return picture


def _beach(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.35, 0.68, 0.95], [0.8, 0.92, 0.99]], [[0.95, 0.85, 0.6], [0.88, 0.74, 0.48]]
    )
    _box(picture, 0, backdrop.horizon - 0.13, 1, backdrop.horizon, (0.12, 0.45, 0.72))
    _box(picture, 0, backdrop.horizon - 0.02, 1, backdrop.horizon + 0.01, (0.9, 0.96, 0.98))
    if backdrop.warmth > 0:
        _blob(picture, 0.15 + 0.7 * rng.uniform(), 0.14, 0.075, 0.075, (1.0, 0.92, 0.45))
    for _ in range(int(1 + 8 * backdrop.clutter)):
        x, y = rng.uniform(0, 1), rng.uniform(backdrop.horizon + 0.06, 0.98)
        _blob(picture, x, y, 0.026, 0.018, (0.75, 0.58, 0.4))
    return picture


def _snow(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.58, 0.68, 0.8], [0.8, 0.86, 0.92]], [[0.97, 0.98, 1.0], [0.86, 0.9, 0.96]]
    )
    for _ in range(int(1 + 4 * backdrop.clutter)):
        x, height = rng.uniform(0, 1), rng.uniform(0.1, 0.2)
        for part in (0.35, 0.65, 0.95):
            _blob(picture, x, backdrop.horizon - height * (1 - part), 0.07 * part, 0.05, (0.3, 0.45, 0.42))
    for _ in range(int(8 + 24 * backdrop.clutter)):
        _blob(picture, rng.uniform(0, 1), rng.uniform(0, 1), 0.013, 0.013, (1.0, 1.0, 1.0))
    return picture


def _street(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.6, 0.74, 0.88], [0.86, 0.9, 0.93]], [[0.4, 0.41, 0.43], [0.31, 0.32, 0.34]]
    )
    x = -0.05
    while x < 1:
        width, height = rng.uniform(0.12, 0.24), rng.uniform(0.18, 0.3) + 0.2 * backdrop.clutter
        shade = rng.uniform(0.42, 0.66)
        top = backdrop.horizon - height
        _box(picture, x, top, x + width, backdrop.horizon, (shade, shade * 0.93, shade * 0.9))
        for wy in np.arange(top + 0.04, backdrop.horizon - 0.04, 0.085):
            for wx in np.arange(x + 0.03, x + width - 0.03, 0.075):
                _box(picture, wx, wy, wx + 0.032, wy + 0.04, (0.9, 0.88, 0.66))
        x += width
    line = (1 + backdrop.horizon) / 2
    for x in np.arange(0.02 + 0.1 * backdrop.light, 1, 0.22):
        _box(picture, x, line, x + 0.12, line + 0.032, (0.95, 0.95, 0.9))
    return picture


def _night(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.03, 0.05, 0.18], [0.12, 0.15, 0.34]], [[0.1, 0.14, 0.2], [0.05, 0.07, 0.12]]
    )
    for _ in range(int(5 + 26 * backdrop.clutter)):
        x, y = rng.uniform(0, 1), rng.uniform(0, backdrop.horizon)
        _blob(picture, x, y, 0.01, 0.01, (0.95, 0.95, 0.8))
    _blob(picture, 0.5 + 0.36 * backdrop.warmth, 0.14, 0.08, 0.08, (0.96, 0.94, 0.78))
    return picture


def _forest(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.16, 0.36, 0.2], [0.42, 0.6, 0.38]], [[0.34, 0.3, 0.16], [0.22, 0.24, 0.1]]
    )
    for _ in range(int(3 + 5 * backdrop.clutter)):
        x, width = rng.uniform(0, 1), rng.uniform(0.03, 0.06)
        shade = rng.uniform(0.8, 1.15)
        _box(picture, x, 0.1, x + width, backdrop.horizon + 0.03, (0.36 * shade, 0.24 * shade, 0.14 * shade))
        _blob(picture, x + width / 2, 0.08, 0.17, 0.13, (0.1 * shade, 0.3 * shade, 0.13 * shade))
    return picture


def _desert(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = _sky_and_ground(
        backdrop, size, [[0.98, 0.7, 0.42], [0.99, 0.88, 0.66]], [[0.86, 0.6, 0.32], [0.74, 0.46, 0.22]]
    )
    for _ in range(3):
        _blob(picture, rng.uniform(0, 1), backdrop.horizon + 0.05, rng.uniform(0.2, 0.4), 0.1, (0.88, 0.64, 0.36))
    for _ in range(int(1 + 4 * backdrop.clutter)):
        x, y = rng.uniform(0.03, 0.97), backdrop.horizon + rng.uniform(-0.02, 0.05)
        _blob(picture, x, y - 0.07, 0.022, 0.11, (0.25, 0.5, 0.28))
        _blob(picture, x + 0.035, y - 0.08, 0.03, 0.018, (0.25, 0.5, 0.28))
    return picture


def _clouds(picture: Picture, backdrop: Backdrop, rng: np.random.Generator) -> None:
    for _ in range(int(3 * (1 - backdrop.clutter) + 1)):
        x, y = rng.uniform(0, 1), rng.uniform(0.05, 0.24)
        for dx in (-0.06, 0, 0.06):
            _blob(picture, x + dx, y, 0.065, 0.036, (1.0, 1.0, 1.0))


_PLACES: dict[str | None, Callable[[Backdrop, int, np.random.Generator], Picture]] = {
    None: _plain,
    "garden": _garden,
    "beach": _beach,
    "snow": _snow,
    "street": _street,
    "night": _night,
    "forest": _forest,
    "desert": _desert,
}
