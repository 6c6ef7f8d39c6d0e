"""Similarities against values worked out by hand, and against the published form."""

import numpy as np
import pytest
from PIL import Image

from wordbrush.errors import SettingsError
from wordbrush.metrics.ssim import ssim as whole_ssim
from wordbrush_bench.similarity import HIGHEST_PSNR, mse, pixels, psnr_of, same_size, ssim


def noise(seed, size=32):
    return np.random.default_rng(seed).random((size, size, 3))


def test_mse_and_psnr_by_hand():
    one, other = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    other[0, 0] = 0.2
    where = np.array([[True, True], [False, False]])
    assert mse(one, other) == pytest.approx(0.01)
    assert psnr_of(mse(one, other)) == pytest.approx(20.0)
    assert mse(one, other, where) == pytest.approx(0.02)
    assert mse(one, other, ~where) == 0
    assert psnr_of(0.0) == HIGHEST_PSNR


def test_ssim_of_flat_pictures_by_hand():
    one, other = np.full((24, 24, 3), 0.25), np.full((24, 24, 3), 0.75)
    by_hand = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert ssim(one, other) == pytest.approx(by_hand)


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
    assert ssim(one, other, middle) == pytest.approx(np.mean(found))


def test_what_lies_outside_of_a_mask_does_not_count():
    one = noise(3)
    other = one.copy()
    other[:, 16:] = noise(4)[:, 16:]
    where = np.zeros((32, 32), bool)
    where[:, :10] = True  # further from the change than half a window
    assert ssim(one, other, where) == pytest.approx(1)
    assert ssim(one, other) < 0.8


def test_the_whole_pictures_ssim_is_the_mean_of_windows_inside():
    images = [Image.fromarray((noise(seed) * 255).astype(np.uint8)) for seed in (5, 6)]
    inside = np.zeros((32, 32), bool)
    inside[5:-5, 5:-5] = True
    # One computes in float32, whose variances are differences of squares, off by some eps over the formula's 9e-4.
    assert whole_ssim(*images) == pytest.approx(ssim(*map(pixels, images), inside), abs=1e-3)


def test_pictures_of_two_sizes_are_refused():
    with pytest.raises(SettingsError, match="16 x 16 and 8 x 16 pixels cannot be compared"):
        same_size(Image.new("RGB", (16, 16)), Image.new("RGB", (8, 16)))
