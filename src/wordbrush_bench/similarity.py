"""How alike two pictures are, over all pixels or some: mean squared error, PSNR and SSIM."""

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from wordbrush.errors import SettingsError
from wordbrush.metrics.ssim import ssim_map

Pixels = NDArray[np.float64]
"""A picture (H, W, 3) in 0..1."""

HIGHEST_PSNR = 60.0
"""What equal pictures count as, in dB, so that a mean exists: pictures in bytes that differ are hardly ever closer."""


def pixels(image: Image) -> Pixels:
    """A picture's pixels."""
    return np.asarray(image.convert("RGB"), np.float64) / 255


def same_size(one: Image, other: Image) -> None:
    """Raise `SettingsError` unless two pictures are of one size."""
    if one.size != other.size:
        raise SettingsError(
            f"pictures of {one.width} x {one.height} and {other.width} x {other.height} pixels cannot be compared; "
            "the method must give a picture of the source's size"
        )


def mse(one: Pixels, other: Pixels, where: NDArray[np.bool_] | None = None) -> float:
    """Mean squared error, over the pixels `where` (H, W) is true.

    >>> mse(np.zeros((2, 2, 3)), np.full((2, 2, 3), 0.5))
    0.25
    """
    error = np.square(one - other).mean(-1)
    return float((error if where is None else error[where]).mean())


def psnr_of(error: float) -> float:
    """A mean squared error in dB, at most `HIGHEST_PSNR`.

    >>> psnr_of(0.01), psnr_of(0.0)
    (20.0, 60.0)
    """
    return min(HIGHEST_PSNR, float(-10 * np.log10(max(error, 1e-12))) + 0.0)


def ssim(one: Pixels, other: Pixels, where: NDArray[np.bool_] | None = None) -> float:
    """Structural similarity (Wang et al. 2004), the mean of its map over the pixels `where` (H, W) is true.

    Windows are Gaussians of 11 x 11 pixels with a sigma of 1.5, pictures reflected at their borders, K 0.01 and 0.03.

    >>> picture = np.random.default_rng(0).random((16, 16, 3))
    >>> round(ssim(picture, picture), 6)
    1.0
    """
    likeness_HW = ssim_map(one, other)
    return float((likeness_HW if where is None else likeness_HW[where]).mean())
