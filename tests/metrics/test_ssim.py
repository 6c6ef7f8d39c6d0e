import numpy as np
import pytest
from PIL import Image, ImageFilter

from wordbrush.errors import SettingsError
from wordbrush.metrics.ssim import ssim


def pictures(height: int = 20, width: int = 17) -> tuple[Image.Image, Image.Image]:
    one = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    return one, one.filter(ImageFilter.GaussianBlur(1))


def explicit(one: Image.Image, other: Image.Image) -> float:
    """Wang et al. 2004, equation 13, window by window."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    a, b = (np.asarray(picture, np.float64) / 255 for picture in (one, other))
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            for c in range(3):
                u, v = a[y : y + 11, x : x + 11, c], b[y : y + 11, x : x + 11, c]
                mean_u, mean_v = (weights * u).sum(), (weights * v).sum()
                spread_u, spread_v = (weights * (u - mean_u) ** 2).sum(), (weights * (v - mean_v) ** 2).sum()
                shared = (weights * (u - mean_u) * (v - mean_v)).sum()
                above = (2 * mean_u * mean_v + 1e-4) * (2 * shared + 9e-4)
                values.append(above / ((mean_u**2 + mean_v**2 + 1e-4) * (spread_u + spread_v + 9e-4)))
    return float(np.mean(values))


def test_it_is_the_published_formula():
    one, other = pictures()
    # Variances in float32 are differences of squares, off by some eps, over the formula's 9e-4.
    assert ssim(one, other) == pytest.approx(explicit(one, other), abs=1e-3)
    assert 0.1 < ssim(one, other) < 0.9


def test_equal_pictures_are_1_and_inverted_ones_are_below_0():
    one, _ = pictures()
    assert ssim(one, one) == 1
    assert ssim(one, Image.eval(one, lambda value: 255 - value)) < 0


@pytest.mark.parametrize("size", [(16, 17), (10, 20)])
def test_sizes_that_have_none_are_told(size):
    with pytest.raises(SettingsError, match="11 or more"):
        ssim(Image.new("RGB", size), Image.new("RGB", (10, 20)))
