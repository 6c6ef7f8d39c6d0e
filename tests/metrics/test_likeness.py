"""Similarities against values worked out by hand, and against the published form."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from wordbrush.errors import SettingsError
from wordbrush.metrics.likeness import (
    HIGHEST_PSNR,
    Likeness,
    capped_psnr,
    check_same_size,
    mean_ssim,
    mse,
    pixels,
    psnr,
    ssim,
)


def noise(seed, size=32):
    return np.random.default_rng(seed).random((size, size, 3))


def test_mse_and_psnr_by_hand():
    one, other = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    other[0, 0] = 0.2
    where = np.array([[True, True], [False, False]])
    assert mse(one, other) == pytest.approx(0.01)
    assert capped_psnr(mse(one, other)) == pytest.approx(20.0)
    assert mse(one, other, where) == pytest.approx(0.02)
    assert mse(one, other, ~where) == 0
    assert capped_psnr(0.0) == HIGHEST_PSNR


def test_ssim_of_flat_pictures_by_hand():
    one, other = np.full((24, 24, 3), 0.25), np.full((24, 24, 3), 0.75)
    by_hand = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert mean_ssim(one, other) == pytest.approx(by_hand)


def test_ssim_in_a_window_is_the_published_sum():
    """One window in the middle, summed up pixel by pixel."""
    one, other = noise(1, 11), noise(2, 11)
    at = np.arange(-5, 6)
    line = np.exp(-(at**2) / 4.5)
    weights = np.outer(line, line) / line.sum() ** 2
    found = []
    for c in range(3):
        x, y = one[..., c], other[..., c]
        mx, my = (weights * x).sum(), (weights * y).sum()
        vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
        cov = (weights * (x - mx) * (y - my)).sum()
        found.append((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    middle = np.zeros((11, 11), bool)
    middle[5, 5] = True
    assert mean_ssim(one, other, middle) == pytest.approx(np.mean(found))


def test_what_lies_outside_of_a_mask_does_not_count():
    one = noise(3)
    other = one.copy()
    other[:, 16:] = noise(4)[:, 16:]
    where = np.zeros((32, 32), bool)
    where[:, :10] = True  # further from the change than half a window
    assert mean_ssim(one, other, where) == pytest.approx(1)
    assert mean_ssim(one, other) < 0.8


def test_the_whole_pictures_ssim_is_the_mean_of_windows_inside():
    images = [Image.fromarray((noise(seed) * 255).astype(np.uint8)) for seed in (5, 6)]
    inside = np.zeros((32, 32), bool)
    inside[5:-5, 5:-5] = True
    # Variances in float32 are differences of squares, off by some eps, over the formula's 9e-4.
    assert ssim(*images) == pytest.approx(mean_ssim(*map(pixels, images), inside), abs=1e-3)


def test_pictures_of_two_sizes_are_refused():
    with pytest.raises(SettingsError, match=r"16 x 16 and 8 x 16 pixels \(width x height\) cannot be compared"):
        check_same_size(Image.new("RGB", (16, 16)), Image.new("RGB", (8, 16)))


def test_psnr_of_pictures():
    black = Image.new("RGB", (4, 4))
    grey = Image.new("RGB", (4, 4), (51, 51, 51))
    assert psnr(black, black) is None
    assert str(Likeness(psnr(black, black), 1.0)) == "PSNR infinite, SSIM 1.000"
    assert psnr(black, grey) == pytest.approx(-20 * np.log10(51 / 255), abs=0.01)


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
