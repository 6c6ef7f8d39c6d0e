"""How alike the structure of two pictures is."""

import torch
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
    a, b = _channels(one), _channels(other)
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a, variance_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    likeness = likeness / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))
    return round(float(likeness.mean()), 4)


def _channels(image: Image) -> Tensor:
    """Red, green and blue as (3, 1, H, W) of 0..1."""
    rgb = image.convert("RGB")
    pixels = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
    return pixels.reshape(rgb.height, rgb.width, 3).permute(2, 0, 1)[:, None].double() / 255


def _blurred(pictures: Tensor) -> Tensor:
    """A weighted mean over each window, one direction after the other."""
    offsets = torch.arange(_WINDOW, dtype=torch.float64) - _WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights = weights / weights.sum()
    return F.conv2d(F.conv2d(pictures, weights[None, None, :, None]), weights[None, None, None, :])
