"""Timesteps are drawn where pictures are decided, and errors are told by them."""

import torch

from training.timesteps import BinnedErrors, draw_timesteps


def test_most_timesteps_are_noisy_and_each_batch_is_spread_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [draw_timesteps(64, generator) for _ in range(20)]
    everything = torch.cat(batches)
    assert everything.min() >= 0
    assert everything.max() <= 999
    assert 0.75 < (everything >= 500).float().mean() < 0.85
    assert (everything < 300).any()
    shares = torch.stack([(batch >= 500).float().mean() for batch in batches])
    assert shares.max() - shares.min() <= 2 / 64


def test_errors_are_means_by_tenths_of_the_timesteps() -> None:
    errors = BinnedErrors()
    errors.add(torch.tensor([0, 99, 950]), torch.tensor([1.0, 3.0, 5.0]))
    errors.add(torch.tensor([999]), torch.tensor([7.0]))
    assert errors.report() == {"error_by_timestep": [2.0, *[None] * 8, 6.0]}
    assert errors.report() == {"error_by_timestep": [None] * 10}
