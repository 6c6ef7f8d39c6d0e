"""From a scene to its picture, and to the exact pixels of each object."""

import numpy as np
from numpy.typing import NDArray

from wordbrush.scenes.atlas import painted, sprite
from wordbrush.scenes.backdrop import draw_backdrop
from wordbrush.scenes.scene import Placed, Scene
from wordbrush.scenes.styles import in_style

SIZE = 128
"""Pixels on one side of the pictures that the bundled model was trained on."""


def render(scene: Scene, size: int = SIZE) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    """The picture (size, size, 3), and for each noun the mask (size, size) of the pixels that mostly show it.

    >>> from wordbrush.scenes.scene import sample_scene
    >>> scene = sample_scene(np.random.default_rng(0))
    >>> picture, masks = render(scene)
    >>> picture.shape, scene.cast.subject in masks
    ((128, 128, 3), True)
    """
    picture = draw_backdrop(scene.backdrop, size)
    shares: dict[str, NDArray[np.float32]] = {}
    for placed in scene.objects:
        drawn, rows, columns = _locate(placed, size)
        _lay(drawn, picture[rows, columns])
        alpha = drawn[..., 3]
        for share in shares.values():
            share[rows, columns] *= 1 - alpha
        share = shares.setdefault(placed.word, np.zeros((size, size), np.float32))
        share[rows, columns] += alpha
    return _finished(picture, scene), {word: share > 0.5 for word, share in shares.items()}


def render_picture(scene: Scene, size: int = SIZE) -> NDArray[np.uint8]:
    """Only the picture (size, size, 3), which is faster."""
    picture = draw_backdrop(scene.backdrop, size)
    for placed in scene.objects:
        drawn, rows, columns = _locate(placed, size)
        _lay(drawn, picture[rows, columns])
    return _finished(picture, scene)


def _lay(drawn: NDArray[np.float32], under: NDArray[np.float32]) -> None:
    """Lay a sprite (h, w, 4) over a part of the picture (h, w, 3)."""
    under *= 1 - drawn[..., 3:]
    under += drawn[..., :3]


def _finished(picture: NDArray[np.float32], scene: Scene) -> NDArray[np.uint8]:
    return _to_bytes(in_style(picture, scene.cast.style, scene.backdrop.seed))


def _locate(placed: Placed, size: int) -> tuple[NDArray[np.float32], slice, slice]:
    """A sprite, cropped to the frame, and its position."""
    # Even sides only: this halves the number of drawings to cache.
    side = max(4, 2 * round(placed.size * size / 2))
    drawn = sprite(placed.drawing, placed.family, side, placed.flip)
    if placed.colour is not None:
        drawn = painted(drawn, placed.colour)
    height, width = drawn.shape[:2]
    top, left = round(placed.y * size - height / 2), round(placed.x * size - width / 2)
    y0, x0, y1, x1 = max(0, top), max(0, left), min(size, top + height), min(size, left + width)
    return drawn[y0 - top : y1 - top, x0 - left : x1 - left], slice(y0, y1), slice(x0, x1)


def _to_bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
