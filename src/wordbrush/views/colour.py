"""The colours of maps: from near black over plum and coral to cream, in steps that look alike everywhere.

Computed, not copied: a smooth path through Oklab (B. Ottosson, 2020), a space in which distance is what an eye sees,
cut into 256 colours at equal distances along it. Lightness rises all the way, so it also reads in grey.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_KNOTS = np.array(
    # position, lightness, chroma, hue in degrees
    [
        [0.00, 0.13, 0.035, 280],
        [0.30, 0.36, 0.130, 305],
        [0.55, 0.58, 0.195, 368],
        [0.80, 0.79, 0.142, 420],
        [1.00, 0.98, 0.050, 460],
    ]
)
_SAMPLES, _SMOOTHING = 2048, 200


def coloured(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """RGB (..., 3) of values from 0 to 1; values outside are clipped, and NaN is 0.

    >>> coloured(np.array([0.0, 1.0], np.float32)).tolist()
    [[5, 6, 21], [255, 250, 212]]
    """
    index = np.clip(np.nan_to_num(values) * 255 + 0.5, 0, 255).astype(np.uint8)
    rgb: NDArray[np.uint8] = colour_table()[index]
    return rgb


@cache
def colour_table() -> NDArray[np.uint8]:
    """The 256 colours, (256, 3)."""
    table: NDArray[np.uint8] = (_srgb(colour_path()) * 255 + 0.5).astype(np.uint8)
    table.setflags(write=False)
    return table


def colour_path() -> NDArray[np.float64]:
    """The 256 colours in Oklab, (256, 3), at equal distances."""
    at = np.linspace(0, 1, _SAMPLES)
    lightness, chroma, hue = (np.interp(at, _KNOTS[:, 0], _KNOTS[:, column]) for column in (1, 2, 3))
    path = np.stack([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=-1)
    window = np.hanning(2 * _SMOOTHING + 1)
    padded = np.pad(path, ((_SMOOTHING, _SMOOTHING), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = np.stack([np.convolve(axis, window / window.sum(), "valid") for axis in padded.T], axis=-1)
    travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1))])
    even = np.interp(np.linspace(0, travelled[-1], 256), travelled, at)
    return np.stack([np.interp(even, at, axis) for axis in smooth.T], axis=-1)


def _srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.clip(_TO_LINEAR @ (_TO_CONES @ lab.T) ** 3, 0, 1).T
    rgb: NDArray[np.float64] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb


_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
