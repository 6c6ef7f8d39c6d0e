"""Endless training data: every batch is drawn when it is needed, and the same numbers give the same batch."""

import numpy as np
from numpy.typing import NDArray

from wordbrush.scenes.atlas import Art
from wordbrush.scenes.render import SIZE, render_picture
from wordbrush.scenes.scene import Scene, sample_scene


def sample_batch(
    seed: int, index: int, count: int, *, art: Art = "model", size: int = SIZE
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures (count, size, size, 3) and captions of batch `index` of the stream `seed`.

    >>> pictures, captions = sample_batch(seed=0, index=0, count=2)
    >>> pictures.shape, len(captions)
    ((2, 128, 128, 3), 2)
    """
    scenes = sample_scenes(seed, index, count, art)
    return np.stack([render_picture(scene, size) for scene in scenes]), [scene.caption for scene in scenes]


def sample_scenes(seed: int, index: int, count: int, art: Art = "model") -> list[Scene]:
    """The scenes of batch `index` of the stream `seed`."""
    rng = np.random.default_rng((seed, index))
    return [sample_scene(rng, art) for _ in range(count)]
