import pytest
import torch
from diffusers import DDIMScheduler

from helpers.analytic import SCHEDULE, sampled, task
from helpers.rounding import assert_same
from wordbrush.errors import SettingsError
from wordbrush.inversion.edit_friendly import EditFriendly
from wordbrush.sampling.rates import fresh_noise, stochastic_mean


@pytest.mark.parametrize("scale", [1.0, 3.5])
@pytest.mark.parametrize("skip", [0.0, 0.36])
def test_the_picture_comes_back_exactly(scale, skip):
    made = task(25, guidance_scale=scale)
    replay = EditFriendly(skip, scale).invert(made)
    assert replay.num_steps == 25 - int(25 * skip)
    assert torch.equal(replay.latents[-1], made.latents)
    torch.testing.assert_close(sampled(made, replay), made.latents, rtol=0, atol=1e-9)


def test_each_step_is_noised_afresh():
    """The paper's latents are not one path: the noise of neighbouring steps is not correlated."""
    made = task(50)
    replay = EditFriendly(0, 1).invert(made)
    noise = [
        (latents - made.solver.rates(t).signal * made.latents) / made.solver.rates(t).noise
        for latents, t in zip(replay.latents, made.timesteps, strict=False)
    ]
    flat = torch.cat(noise).flatten(1)
    pairs = (flat[1:] * flat[:-1]).mean(1)
    assert float(pairs.mean().abs()) < 0.1
    assert float(flat.std()) == pytest.approx(1, abs=0.05)


def test_the_seed_draws_the_noise():
    one, same, other = (EditFriendly().invert(task(10, seed=seed)).latents[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_step_is_diffusers_own_of_eta_1():
    made = task(10)
    scheduler = DDIMScheduler(**SCHEDULE, clip_sample=False)
    scheduler.set_timesteps(10)
    generator = torch.Generator().manual_seed(0)
    latents, prediction, noise = torch.randn(3, 1, 4, 4, 4, generator=generator)
    for timestep in made.timesteps:
        expected = scheduler.step(prediction, int(timestep), latents, eta=1.0, variance_noise=noise).prev_sample
        now, to = made.solver.rates(timestep), made.solver.rates_after(timestep)
        mean = stochastic_mean(made.solver.split(prediction, timestep, latents), now, to)
        assert_same(mean + fresh_noise(now, to) * noise, expected, products=4, amplified=10)


@pytest.mark.parametrize("values", [{"skip": 1.0}, {"skip": -0.1}, {"source_guidance_scale": float("nan")}])
def test_values_are_checked(values):
    with pytest.raises(SettingsError, match=next(iter(values))):
        EditFriendly(**values)
