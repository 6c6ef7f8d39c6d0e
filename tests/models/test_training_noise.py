"""Which timesteps learning sees, and how much an error there counts, whatever a network predicts."""

import pytest
import torch
from diffusers import DDIMScheduler

from wordbrush.models.training_noise import TrainingNoise


def noise_of(kind: str) -> TrainingNoise:
    return TrainingNoise(DDIMScheduler(prediction_type=kind, beta_schedule="scaled_linear").config)


def test_half_of_the_timesteps_are_in_the_noisiest_quarter():
    timesteps = noise_of("epsilon").timesteps(20_000, torch.Generator().manual_seed(0))
    assert timesteps.min() >= 0
    assert timesteps.max() <= 999
    assert (timesteps >= 750).float().mean() == pytest.approx(0.5, abs=0.02)
    assert (timesteps < 250).float().mean() > 0.1


@pytest.mark.parametrize("kind", ["v_prediction", "sample"])
def test_an_error_counts_as_much_whatever_the_network_predicts(kind):
    """The same wrong guess of the clean picture, said as noise, velocity or picture."""
    generator = torch.Generator().manual_seed(0)
    clean, noise, wrong = (torch.randn(8, 1, 4, 4, generator=generator) for _ in range(3))
    timesteps = torch.arange(100, 900, 100)

    def counted(kind: str) -> torch.Tensor:
        of = noise_of(kind)
        noised = of.noised(clean, noise, timesteps)
        signal = of._scheduler.alphas_cumprod[timesteps].sqrt()[:, None, None, None]
        implied = (noised - signal * wrong) / (1 - signal**2).sqrt()
        error = of.target(wrong, implied, timesteps) - of.target(clean, noise, timesteps)
        return error.square().mean((1, 2, 3)) * of.weights(timesteps)

    assert torch.allclose(counted(kind), counted("epsilon"), rtol=1e-3)
