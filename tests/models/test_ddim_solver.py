import pytest
import torch
from diffusers import DDIMInverseScheduler

from helpers.analytic import SCHEDULE
from helpers.rounding import assert_same
from wordbrush.models.ddim import DDIM
from wordbrush.sampling.rates import mixed, noisier

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_a_step_is_its_split_at_the_next_level(kind, spacing):
    solver = DDIM({**SCHEDULE, "prediction_type": kind, "timestep_spacing": spacing}, 7, CPU)
    latents, prediction = torch.randn(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    for timestep in solver.timesteps:
        split = solver.split(prediction, timestep, latents)
        torch.testing.assert_close(mixed(split, solver.rates(timestep)), latents, rtol=1e-4, atol=1e-4)
        expected = solver.step(prediction, timestep, latents)
        torch.testing.assert_close(mixed(split, solver.rates_after(timestep)), expected, rtol=1e-4, atol=1e-4)


def test_a_step_back_is_diffusers_inverse():
    solver = DDIM(SCHEDULE, 10, CPU)
    inverse = DDIMInverseScheduler(**SCHEDULE, clip_sample=False)
    inverse.set_timesteps(10)
    latents, noise = torch.randn(2, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    for timestep in solver.timesteps.flip(0)[1:]:
        expected = inverse.step(noise, int(timestep), latents).prev_sample
        back = noisier(latents, noise, solver.rates_after(timestep), solver.rates(timestep))
        assert_same(back, expected, products=4, amplified=10)  # of a few products each, in another order


def test_the_forward_process_has_the_levels_rates():
    solver = DDIM(SCHEDULE, 10, CPU)
    clean, noise = torch.randn(2, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    signal, level = solver.rates(solver.timesteps[3])
    noised = solver.noised(clean, noise, solver.timesteps[3])
    torch.testing.assert_close(noised, signal * clean + level * noise)
