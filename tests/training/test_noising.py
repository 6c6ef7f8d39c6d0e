"""What an error of the noise counts, by how much of the picture is left."""

import torch

from training.networks import build_scheduler
from training.noising import MOST_LAYOUT, guessed, min_snr, noised, toward_layout

SIGNAL = build_scheduler().alphas_cumprod[[100, 300, 500, 700, 900, 999]][:, None, None, None]


def test_a_right_prediction_of_the_noise_gives_the_picture_back() -> None:
    clean, noise = torch.randn(2, 6, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(guessed(noised(clean, noise, SIGNAL), noise, SIGNAL), clean, atol=1e-4)


def test_little_noise_counts_less_by_the_ratio_of_signal_to_noise() -> None:
    weights = min_snr(SIGNAL)
    assert weights[0] < 1
    assert torch.equal(weights[2:], torch.ones(4))


def test_errors_count_more_the_less_is_left_up_to_a_bound() -> None:
    weights = toward_layout(SIGNAL)
    assert torch.isclose(weights.mean(), torch.tensor(1.0))
    assert torch.all(weights.diff() >= 0)
    assert weights[4] == weights[5]
    assert torch.isclose(weights[2] / weights[1], (SIGNAL[1] / SIGNAL[2]).sqrt())
    assert torch.isclose(weights[5] / weights[2], MOST_LAYOUT * SIGNAL[2].sqrt())
