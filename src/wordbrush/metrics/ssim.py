"""How alike the structure of two pictures is."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional as F

from wordbrush.errors import SettingsError

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def ssim(one: Image, other: Image) -> float:
    """The structural similarity of two pictures of one size, 1 for equal ones (Wang et al. 2004).

    As published: a Gaussian window of 11 x 11 pixels and sigma 1.5, constants 0.01 and 0.03, the mean over all windows
    that lie inside, here of each of red, green and blue. Raises `SettingsError` for sizes that differ or are smaller.

    >>> from PIL import Image
    >>> ssim(Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "red"))
    1.0
    """
    if one.size != other.size or min(one.size) < _WINDOW:
        raise SettingsError(f"pictures of {one.size} and {other.size} have no SSIM; give equal sizes of 11 or more")
    inside = slice(_WINDOW // 2, -(_WINDOW // 2))
    likeness_HW = ssim_map(*(np.asarray(image.convert("RGB"), np.float64) / 255 for image in (one, other)))
    return round(float(likeness_HW[inside, inside].mean()), 4)


def ssim_map(one_HWC: NDArray[np.float64], other_HWC: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarity (H, W) of the windows around each pixel of two pictures in 0..1, the mean of their colours.

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
