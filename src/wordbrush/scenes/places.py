"""Places, drawn with numpy: a sky, a ground, and scattered things."""

from collections.abc import Callable

import numpy as np

from wordbrush.scenes.paint import Colour, Gradient, Picture, blob, box, peak, sky_and_ground
from wordbrush.scenes.scene import Backdrop

_DAY: Gradient = ((0.42, 0.7, 0.95), (0.78, 0.9, 0.98))
_GREY_DAY: Gradient = ((0.58, 0.68, 0.8), (0.8, 0.86, 0.92))
_GRASS: dict[str | None, Gradient] = {
    None: ((0.45, 0.74, 0.3), (0.28, 0.56, 0.2)),
    "spring": ((0.6, 0.86, 0.42), (0.45, 0.74, 0.34)),
    "summer": ((0.4, 0.68, 0.2), (0.24, 0.48, 0.12)),
    "autumn": ((0.82, 0.6, 0.24), (0.62, 0.4, 0.14)),
    "winter": ((0.95, 0.97, 1.0), (0.82, 0.87, 0.94)),
}
_LEAVES: dict[str | None, Colour] = {
    None: (0.12, 0.36, 0.15),
    "spring": (0.95, 0.66, 0.76),
    "summer": (0.16, 0.46, 0.12),
    "autumn": (0.86, 0.42, 0.1),
    "winter": (0.86, 0.9, 0.95),
}


def _plain(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    wall = 0.72 + 0.14 * np.array([backdrop.warmth, backdrop.clutter - 0.5, -backdrop.warmth])
    floor = wall * (0.8 + 0.06 * backdrop.light)
    return sky_and_ground(backdrop.horizon, size, (list(wall), list(wall + 0.06)), (list(floor), list(floor - 0.08)))


def _garden(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = sky_and_ground(backdrop.horizon, size, _DAY, _GRASS[backdrop.season])
    _clouds(picture, backdrop, rng)
    for x in np.arange(0.03, 1.0, 0.11):
        box(picture, x, backdrop.horizon - 0.1, x + 0.055, backdrop.horizon + 0.02, (0.97, 0.96, 0.92))
    box(picture, 0, backdrop.horizon - 0.06, 1, backdrop.horizon - 0.035, (0.9, 0.89, 0.85))
    if backdrop.season != "winter":
        petals = [(0.95, 0.35, 0.5), (1.0, 0.85, 0.25), (0.98, 0.98, 0.98), (0.6, 0.4, 0.85)]
        for _ in range(int(3 + 12 * backdrop.clutter)):
            x, y = rng.uniform(0, 1), rng.uniform(backdrop.horizon + 0.06, 0.98)
            blob(picture, x, y, 0.024, 0.024, petals[rng.integers(4)])
    else:
        _snowfall(picture, backdrop, rng)
    return picture


def _beach(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    sky = ((0.35, 0.68, 0.95), (0.8, 0.92, 0.99))
    picture = sky_and_ground(backdrop.horizon, size, sky, ((0.95, 0.85, 0.6), (0.88, 0.74, 0.48)))
    box(picture, 0, backdrop.horizon - 0.13, 1, backdrop.horizon, (0.12, 0.45, 0.72))
    box(picture, 0, backdrop.horizon - 0.02, 1, backdrop.horizon + 0.01, (0.9, 0.96, 0.98))
    if backdrop.warmth > 0:
        blob(picture, 0.15 + 0.7 * rng.uniform(), 0.14, 0.075, 0.075, (1.0, 0.92, 0.45))
    for _ in range(int(1 + 8 * backdrop.clutter)):
        x, y = rng.uniform(0, 1), rng.uniform(backdrop.horizon + 0.06, 0.98)
        blob(picture, x, y, 0.026, 0.018, (0.75, 0.58, 0.4))
    return picture


def _snow(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = sky_and_ground(backdrop.horizon, size, _GREY_DAY, ((0.97, 0.98, 1.0), (0.86, 0.9, 0.96)))
    for _ in range(int(2 + 4 * backdrop.clutter)):
        _fir(picture, rng.uniform(0, 1), backdrop.horizon + 0.02, rng.uniform(0.16, 0.3), (0.3, 0.45, 0.42))
    _snowfall(picture, backdrop, rng)
    return picture


def _street(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    sky = ((0.6, 0.74, 0.88), (0.86, 0.9, 0.93))
    picture = sky_and_ground(backdrop.horizon, size, sky, ((0.4, 0.41, 0.43), (0.31, 0.32, 0.34)))
    x = -0.05
    while x < 1:
        width, height = rng.uniform(0.16, 0.28), rng.uniform(0.18, 0.28) + 0.14 * backdrop.clutter
        shade = rng.uniform(0.8, 1.1)
        brick = ((0.72, 0.4, 0.32), (0.76, 0.66, 0.5), (0.62, 0.58, 0.56))[rng.integers(3)]
        top = backdrop.horizon - height
        box(picture, x, top, x + width, backdrop.horizon, [shade * c for c in brick])
        for wy in np.arange(top + 0.04, backdrop.horizon - 0.05, 0.1):
            for wx in np.arange(x + 0.035, x + width - 0.05, 0.085):
                box(picture, wx, wy, wx + 0.04, wy + 0.05, (0.95, 0.9, 0.66))
        x += width
    box(picture, 0, backdrop.horizon, 1, backdrop.horizon + 0.04, (0.7, 0.69, 0.66))
    line = (1 + backdrop.horizon) / 2 + 0.03
    for x in np.arange(0.02 + 0.1 * backdrop.light, 1, 0.22):
        box(picture, x, line, x + 0.12, line + 0.032, (0.95, 0.95, 0.9))
    return picture


def _night(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    sky = ((0.03, 0.05, 0.18), (0.12, 0.15, 0.34))
    picture = sky_and_ground(backdrop.horizon, size, sky, ((0.1, 0.14, 0.2), (0.05, 0.07, 0.12)))
    for _ in range(int(6 + 26 * backdrop.clutter)):
        x, y = rng.uniform(0, 1), rng.uniform(0, backdrop.horizon)
        blob(picture, x, y, 0.01, 0.01, (0.95, 0.95, 0.8))
    blob(picture, 0.5 + 0.36 * backdrop.warmth, 0.14, 0.08, 0.08, (0.96, 0.94, 0.78))
    return picture


def _forest(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    leaves = np.array(_LEAVES[backdrop.season])
    ground = _GRASS[backdrop.season] if backdrop.season else ((0.34, 0.3, 0.16), (0.22, 0.24, 0.1))
    picture = sky_and_ground(backdrop.horizon, size, (list(leaves * 0.6 + 0.2), list(leaves * 0.5 + 0.5)), ground)
    for _ in range(int(4 + 5 * backdrop.clutter)):
        x, width = rng.uniform(0, 1), rng.uniform(0.03, 0.06)
        shade = rng.uniform(0.75, 1.15)
        box(picture, x, 0.1, x + width, backdrop.horizon + 0.03, (0.36 * shade, 0.24 * shade, 0.14 * shade))
        blob(picture, x + width / 2, 0.1, 0.18, 0.15, list(leaves * shade))
    return picture


def _desert(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    sky = ((0.4, 0.66, 0.88), (0.97, 0.87, 0.68))
    picture = sky_and_ground(backdrop.horizon, size, sky, ((0.86, 0.6, 0.32), (0.74, 0.46, 0.22)))
    for _ in range(3):
        blob(picture, rng.uniform(0, 1), backdrop.horizon + 0.05, rng.uniform(0.2, 0.4), 0.1, (0.88, 0.64, 0.36))
    blob(picture, 0.5 - 0.35 * backdrop.light, 0.15, 0.09, 0.09, (1.0, 0.96, 0.78))
    for _ in range(int(2 + 6 * backdrop.clutter)):
        x, y = rng.uniform(0, 1), rng.uniform(backdrop.horizon + 0.1, 0.97)
        blob(picture, x, y, 0.04, 0.022, (0.62, 0.38, 0.2))
    return picture


def _zoo(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    ground = ((0.78, 0.7, 0.52), (0.66, 0.57, 0.4))
    picture = sky_and_ground(backdrop.horizon, size, ((0.62, 0.82, 0.72), (0.8, 0.9, 0.76)), ground)
    for _ in range(int(1 + 5 * backdrop.clutter)):
        x = rng.uniform(0, 1)
        blob(picture, x, backdrop.horizon - 0.08, 0.13, 0.12, (0.3, 0.58, 0.3))
    for x in np.arange(0.02, 1, 0.09):
        box(picture, x, 0, x + 0.016, backdrop.horizon + 0.02, (0.3, 0.31, 0.34))
    for y in (0.06, backdrop.horizon - 0.03):
        box(picture, 0, y, 1, y + 0.022, (0.3, 0.31, 0.34))
    return picture


def _city(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    ground = ((0.72, 0.73, 0.76), (0.6, 0.61, 0.65))
    picture = sky_and_ground(backdrop.horizon, size, ((0.98, 0.72, 0.62), (0.99, 0.88, 0.74)), ground)
    x = -0.03
    while x < 1:
        width, height = rng.uniform(0.08, 0.16), rng.uniform(0.2, 0.46) + 0.1 * backdrop.clutter
        shade = rng.uniform(0.75, 1.2)
        box(
            picture,
            x,
            backdrop.horizon - height,
            x + width,
            backdrop.horizon,
            (0.3 * shade, 0.36 * shade, 0.5 * shade),
        )
        for wy in np.arange(backdrop.horizon - height + 0.03, backdrop.horizon - 0.03, 0.07):
            box(picture, x + 0.025, wy, x + width - 0.025, wy + 0.02, (0.66, 0.78, 0.88))
        x += width + rng.uniform(0, 0.03)
    return picture


def _mountain(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    season = backdrop.season
    sky = _GREY_DAY if season == "winter" else _DAY
    picture = sky_and_ground(backdrop.horizon, size, sky, _GRASS[season])
    for _ in range(3):
        x, height, shade = rng.uniform(0, 1), rng.uniform(0.28, 0.48), rng.uniform(0.85, 1.15)
        top = backdrop.horizon - height
        peak(picture, x, top, backdrop.horizon, 0.75 * height, (0.48 * shade, 0.5 * shade, 0.58 * shade))
        snow = 0.7 if season == "winter" else 0.3
        peak(picture, x, top, top + snow * height, 0.75 * snow * height, (0.97, 0.98, 1.0))
    for _ in range(int(1 + 5 * backdrop.clutter)):
        x, height = rng.uniform(0, 1), rng.uniform(0.1, 0.18)
        if season in ("autumn", "spring"):
            blob(picture, x, backdrop.horizon - 0.03, 0.06, 0.055, _LEAVES[season])
        else:
            _fir(
                picture, x, backdrop.horizon + 0.03, height, _LEAVES[None] if season != "winter" else (0.6, 0.7, 0.72)
            )
    if season == "winter":
        _snowfall(picture, backdrop, rng)
    return picture


def _farm(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    picture = sky_and_ground(backdrop.horizon, size, _DAY, _GRASS[backdrop.season])
    _clouds(picture, backdrop, rng)
    rows = np.array(_GRASS[backdrop.season][1]) * 0.86
    for y in np.arange(backdrop.horizon + 0.07, 1, 0.095):
        box(picture, 0, y, 1, y + 0.035, list(rows))
    x, roof = 0.2 + 0.55 * rng.uniform(), backdrop.horizon - 0.2
    box(picture, x - 0.13, roof, x + 0.13, backdrop.horizon + 0.01, (0.74, 0.18, 0.15))
    peak(picture, x, roof - 0.13, roof + 0.01, 0.17, (0.42, 0.24, 0.2))
    box(picture, x - 0.045, backdrop.horizon - 0.11, x + 0.045, backdrop.horizon + 0.01, (0.96, 0.94, 0.9))
    if backdrop.season == "winter":
        _snowfall(picture, backdrop, rng)
    return picture


def _sea(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    low = 0.5 * (1 + backdrop.horizon)
    picture = sky_and_ground(
        low, size, ((0.3, 0.78, 0.86), (0.06, 0.34, 0.62)), ((0.72, 0.68, 0.5), (0.55, 0.52, 0.4))
    )
    for _ in range(int(2 + 4 * backdrop.clutter)):
        x = rng.uniform(0, 1)
        blob(picture, x, low - 0.06, 0.02, 0.14, (0.12, 0.5, 0.32))
        blob(picture, x + 0.04, low - 0.02, 0.018, 0.1, (0.16, 0.58, 0.34))
    for _ in range(int(4 + 12 * backdrop.clutter)):
        x, y, radius = rng.uniform(0, 1), rng.uniform(0, low), rng.uniform(0.012, 0.026)
        blob(picture, x, y, radius, radius, (0.78, 0.94, 0.97))
    return picture


def _space(backdrop: Backdrop, size: int, rng: np.random.Generator) -> Picture:
    low = 0.4 + 0.6 * backdrop.horizon
    picture = sky_and_ground(
        low, size, ((0.05, 0.02, 0.12), (0.2, 0.08, 0.3)), ((0.62, 0.6, 0.62), (0.46, 0.44, 0.48))
    )
    for _ in range(int(8 + 20 * backdrop.clutter)):
        blob(picture, rng.uniform(0, 1), rng.uniform(0, low), 0.009, 0.009, (0.98, 0.98, 0.92))
    x, y = 0.15 + 0.7 * rng.uniform(), 0.16
    blob(picture, x, y, 0.17, 0.028, (0.85, 0.7, 0.52))
    blob(picture, x, y, 0.1, 0.1, (0.9, 0.52, 0.34))
    for _ in range(int(2 + 5 * backdrop.clutter)):
        blob(picture, rng.uniform(0, 1), rng.uniform(low + 0.04, 0.98), 0.06, 0.022, (0.4, 0.38, 0.42))
    return picture


def _clouds(picture: Picture, backdrop: Backdrop, rng: np.random.Generator) -> None:
    for _ in range(int(3 * (1 - backdrop.clutter) + 1)):
        x, y = rng.uniform(0, 1), rng.uniform(0.05, 0.24)
        for dx in (-0.06, 0, 0.06):
            blob(picture, x + dx, y, 0.065, 0.036, (1.0, 1.0, 1.0))


def _snowfall(picture: Picture, backdrop: Backdrop, rng: np.random.Generator) -> None:
    for _ in range(int(8 + 24 * backdrop.clutter)):
        blob(picture, rng.uniform(0, 1), rng.uniform(0, 1), 0.013, 0.013, (1.0, 1.0, 1.0))


def _fir(picture: Picture, x: float, base: float, height: float, colour: Colour) -> None:
    for part in (0.0, 0.28, 0.52):
        top = base - height * (1 - part)
        peak(picture, x, top, top + 0.48 * height, (0.16 + 0.3 * part) * height + 0.01, colour)


PAINTERS: dict[str | None, Callable[[Backdrop, int, np.random.Generator], Picture]] = {
    None: _plain,
    "garden": _garden,
    "beach": _beach,
    "snow": _snow,
    "street": _street,
    "night": _night,
    "forest": _forest,
    "desert": _desert,
    "zoo": _zoo,
    "city": _city,
    "mountain": _mountain,
    "farm": _farm,
    "sea": _sea,
    "space": _space,
}
"""The function that draws each place, by the place's name; None is a plain wall."""
