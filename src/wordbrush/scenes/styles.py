"""Styles of a whole picture, applied to a rendered scene."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from wordbrush.scenes.paint import Picture

Drawn = NDArray[np.floating[Any]]
"""The same, or a plane (size, size) of it, during a calculation."""


def in_style(picture: Picture, style: str | None, seed: int) -> Picture:
    """The picture in a style of the vocabulary; `seed` is for the style's paper, if it has any."""
    if style is None:
        return picture
    return _STYLES[style](np.clip(picture, 0, 1), np.random.default_rng(seed)).astype(np.float32)


def _photo(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Higher contrast, and darker corners."""
    contrast = picture * picture * (3 - 2 * picture)
    away = np.linspace(-1, 1, len(picture), dtype=np.float32) ** 2
    lens = 1.06 - 0.42 * (away[:, None] + away[None])[..., None] ** 1.5 / 2
    return (0.35 * picture + 0.65 * contrast) * lens


def _sketch(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Pencil lines on paper, with a little shading."""
    grey = picture @ np.array([0.3, 0.59, 0.11], np.float32)
    lines = np.clip(4.5 * _edges(_blurred(grey, 0.9)), 0, 0.7)
    paper = 0.97 - lines - 0.2 * (1 - grey)
    drawing: Drawn = paper[..., None] * np.array([1.0, 0.985, 0.95], np.float32)
    return drawing


def _oil_painting(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Flat, saturated patches with raised edges (Kuwahara filter)."""
    radius = max(1, round(len(picture) / 40))
    padded = np.pad(picture, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    mean, square = _boxes(padded, radius + 1), _boxes(padded**2, radius + 1)
    spread = (square - mean**2).sum(-1)
    size = len(picture)
    corners = [(y, x) for y in (0, radius) for x in (0, radius)]
    means = np.stack([mean[y : y + size, x : x + size] for y, x in corners])
    calmest = np.stack([spread[y : y + size, x : x + size] for y, x in corners]).argmin(0)
    flat = np.take_along_axis(means, calmest[None, ..., None], 0)[0]
    grey = flat.mean(-1, keepdims=True)
    relief = np.zeros_like(grey)
    relief[1:, 1:] = grey[1:, 1:] - grey[:-1, :-1]
    painting: Drawn = np.clip(grey + 1.45 * (flat - grey) + 0.35 * relief, 0, 1) * 0.94
    return painting


def _watercolor(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Thin washes on white paper that pool at their edges."""
    wash = np.stack([_blurred(picture[..., c], 1.1) for c in range(3)], -1)
    pools = np.clip(2.2 * _edges(wash.mean(-1)), 0, 0.3)[..., None]
    side = max(2, len(picture) // 16)
    mottle = np.asarray(
        Image.fromarray(rng.uniform(0.66, 0.95, (side, side)).astype(np.float32)).resize(
            (len(picture), len(picture)), Image.Resampling.BICUBIC
        )
    )[..., None]
    washed: Drawn = 1 - (1 - wash) * mottle - pools * (1 - wash * 0.6)
    return washed


def _pixel_art(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Large square pixels in a few colours."""
    size = len(picture)
    small = max(8, size // 3)
    planes = [Image.fromarray(np.ascontiguousarray(picture[..., c])) for c in range(3)]
    coarse = [np.asarray(p.resize((small, small), Image.Resampling.BOX)) for p in planes]
    levels = np.round(np.stack(coarse, -1) * 5) / 5
    index = np.arange(size) * small // size
    large: Drawn = levels[index][:, index]
    return large


def _blurred(plane: Drawn, radius: float) -> Drawn:
    """Blur a plane (size, size); the radius is in 128ths of the picture."""
    image = Image.fromarray((np.clip(plane, 0, 1) * 255).astype(np.uint8))
    blurred = image.filter(ImageFilter.GaussianBlur(radius * len(plane) / 128))
    return np.asarray(blurred, np.float32) / 255


def _edges(plane: Drawn) -> Drawn:
    """How fast a plane changes, per 128th of the picture."""
    down, right = np.gradient(plane)
    steepness: Drawn = np.hypot(down, right) * (len(plane) / 128)
    return steepness


def _boxes(padded: Picture, width: int) -> Drawn:
    """The mean of every window of `width` x `width` pixels."""
    sums = np.pad(padded, ((1, 0), (1, 0), (0, 0))).cumsum(0, dtype=np.float64).cumsum(1)
    total = sums[width:, width:] - sums[:-width, width:] - sums[width:, :-width] + sums[:-width, :-width]
    means: Drawn = total / width**2
    return means


_STYLES: dict[str, Callable[[Picture, np.random.Generator], Drawn]] = {
    "photo": _photo,
    "sketch": _sketch,
    "oil painting": _oil_painting,
    "watercolor": _watercolor,
    "pixel art": _pixel_art,
}
