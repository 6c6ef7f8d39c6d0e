"""How differently two pictures are laid out, told from their edges alone, without any weights."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CELLS = 16
BINS = 8
_SIDE = 8 * CELLS


def layout_distance(one: Image.Image, other: Image.Image) -> float:
    """The edge layout distance of two pictures, 0 for pictures of the same edges.

    Each picture, at 128 x 128, is cut into 16 x 16 cells. A cell is described by how strong its edges of eight
    directions are. The picture's layout is how alike each cell is to each other (the cosine of their descriptions);
    the distance is the mean squared difference of the two layouts. The idea of comparing self-similarities rather than
    pixels is Shechtman and Irani's (2007); the structure distance of PIE-Bench does it with DINO's features, and its
    numbers are not to be compared with these.

    >>> grey = Image.new("RGB", (32, 32), (90, 90, 90))
    >>> layout_distance(grey, Image.new("RGB", (32, 32), (200, 10, 10)))
    0.0
    """
    return float(np.square(_layout(one) - _layout(other)).mean())


def _layout(image: Image.Image) -> NDArray[np.float64]:
    """How alike each cell (N) is to each other, (N, N), in 0..1."""
    edges = _edges(image).reshape(CELLS * CELLS, BINS)
    # A constant more: cells without an edge are alike, and faint edges count little.
    described = np.concatenate([edges, np.full((len(edges), 1), 0.05)], 1)
    described /= np.linalg.norm(described, axis=1, keepdims=True)
    return np.asarray(described @ described.T)


def _edges(image: Image.Image) -> NDArray[np.float64]:
    """The mean strength of edges of each direction in each cell, (h, w, directions)."""
    grey = np.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), np.float64) / 255
    down, right = np.gradient(grey)
    strength, angle = np.hypot(down, right), np.arctan2(down, right) % np.pi
    nearest = np.round(angle / np.pi * BINS).astype(int) % BINS
    planes = strength[..., None] * (nearest[..., None] == np.arange(BINS))
    return np.asarray(planes.reshape(CELLS, 8, CELLS, 8, BINS).mean((1, 3)))
