"""The place of a scene, with its light."""

import numpy as np

from wordbrush.scenes.paint import Picture
from wordbrush.scenes.places import PAINTERS
from wordbrush.scenes.scene import Backdrop


def draw_backdrop(backdrop: Backdrop, size: int) -> Picture:
    """Draw a place, (size, size, 3) in 0..1."""
    picture = PAINTERS[backdrop.place](backdrop, size, np.random.default_rng(backdrop.seed))
    tint = np.array([1 + 0.1 * backdrop.warmth, 1, 1 - 0.12 * backdrop.warmth], np.float32)
    return np.clip(picture * (tint * (1 + 0.1 * backdrop.light)), 0, 1)
