"""How alike two pictures are, pixel by pixel: mean squared error, PSNR and SSIM, of all pixels or of some."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional as F

from wordbrush.errors import SettingsError

Pixels = NDArray[np.float64]
"""A picture (H, W, 3) in 0..1."""

HIGHEST_PSNR = 60.0
"""What equal pictures count as, in dB, where a mean is taken: 8-bit pictures that differ are hardly ever closer."""

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Likeness:
    """How alike two pictures are: PSNR in dB (None for equal pictures), and SSIM (1 for equal ones).

    >>> print(Likeness(26.1, 0.9))
    PSNR 26.10 dB, SSIM 0.900
    """

    psnr: float | None
    ssim: float

    @classmethod
    def of(cls, one: Image, other: Image) -> Self:
        """Compare two pictures of one size. Raises `SettingsError` as `ssim` does."""
        return cls(psnr(one, other), ssim(one, other))

    def __str__(self) -> str:
        """Both numbers in words."""
        return f"PSNR {'infinite' if self.psnr is None else f'{self.psnr:.2f} dB'}, SSIM {self.ssim:.3f}"


def psnr(one: Image, other: Image) -> float | None:
    """The peak signal-to-noise ratio of two pictures of one size in dB, over all pixels; None for equal pictures.

    >>> from PIL import Image
    >>> psnr(Image.new("RGB", (2, 2), (0, 0, 0)), Image.new("RGB", (2, 2), (255, 255, 255)))
    0.0
    """
    error = mse(pixels(one), pixels(other))
    return None if error == 0 else round(_decibels(error), 2)


def ssim(one: Image, other: Image) -> float:
    """The structural similarity of two pictures of one size, 1 for equal ones (Wang et al. 2004).

    As published: a Gaussian window of 11 x 11 pixels and sigma 1.5, constants 0.01 and 0.03, the mean over all windows
    that lie inside, here over red, green and blue. Raises `SettingsError` for sizes that differ or are smaller than
    the window.

    >>> from PIL import Image
    >>> ssim(Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "red"))
    1.0
    """
    if one.size != other.size or min(one.size) < _WINDOW:
        raise SettingsError(f"pictures of {one.size} and {other.size} have no SSIM; give equal sizes of 11 or more")
    inside = slice(_WINDOW // 2, -(_WINDOW // 2))
    return round(float(ssim_map(pixels(one), pixels(other))[inside, inside].mean()), 4)


def pixels(image: Image) -> Pixels:
    """A picture's pixels (H, W, 3) in 0..1."""
    return np.asarray(image.convert("RGB"), np.float64) / 255


def check_same_size(one: Image, other: Image) -> None:
    """Raise `SettingsError` unless two pictures are of one size."""
    if one.size != other.size:
        raise SettingsError(
            f"pictures of {one.width} x {one.height} and {other.width} x {other.height} pixels (width x height) "
            "cannot be compared; the method must give a picture of the source's size"
        )


def mse(one: Pixels, other: Pixels, where: NDArray[np.bool_] | None = None) -> float:
    """The mean squared error, over the pixels at which `where` (H, W) is true (None: all).

    >>> mse(np.zeros((2, 2, 3)), np.full((2, 2, 3), 0.5))
    0.25
    """
    error = np.square(one - other).mean(-1)
    return float((error if where is None else error[where]).mean())


def capped_psnr(error: float) -> float:
    """A mean squared error as PSNR in dB, at most `HIGHEST_PSNR`, so that a mean over pictures exists.

    >>> capped_psnr(0.01), capped_psnr(0.0)
    (20.0, 60.0)
    """
    return min(HIGHEST_PSNR, _decibels(max(error, 1e-12)))


def mean_ssim(one: Pixels, other: Pixels, where: NDArray[np.bool_] | None = None) -> float:
    """The mean of `ssim_map` over the pixels at which `where` (H, W) is true (None: all, with those at the border).

    >>> picture = np.random.default_rng(0).random((16, 16, 3))
    >>> round(mean_ssim(picture, picture), 6)
    1.0
    """
    likeness_HW = ssim_map(one, other)
    return float((likeness_HW if where is None else likeness_HW[where]).mean())


def ssim_map(one_HWC: Pixels, other_HWC: Pixels) -> NDArray[np.float64]:
    """The structural similarity (H, W) of the windows around each pixel, the mean of the three colours.

    Pictures are mirrored at their borders, for the windows there.
    """
    a, b = (torch.from_numpy(picture).permute(2, 0, 1)[:, None] for picture in (one_HWC, other_HWC))
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a, variance_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    likeness = likeness / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))
    return np.asarray(likeness.mean(dim=(0, 1)).numpy())


def _blurred(pictures: Tensor) -> Tensor:
    """A weighted mean over the window around each pixel (C, 1, H, W), one direction after the other."""
    offsets = torch.arange(_WINDOW, dtype=torch.float64) - _WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights = weights / weights.sum()
    padded = F.pad(pictures, (_WINDOW // 2,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, weights[None, None, :, None]), weights[None, None, None, :])


def _decibels(error: float) -> float:
    return float(-10 * np.log10(error)) + 0.0
