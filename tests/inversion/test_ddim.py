import pytest

from helpers.analytic import error, sampled, task
from wordbrush.inversion.ddim import DDIMInversion


def test_error_falls_with_steps_without_guidance():
    errors = [
        error(made, DDIMInversion().invert(made).latents[-1])
        for made in (task(steps, guidance_scale=1.0) for steps in (5, 10, 25, 50, 100))
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1 * errors[0]


def test_guidance_makes_the_source_drift():
    plain, guided = (task(25, guidance_scale=scale) for scale in (1.0, 7.5))
    drift = [error(made, DDIMInversion().invert(made).latents[-1]) for made in (plain, guided)]
    assert drift[1] > 2 * drift[0]


def test_the_source_is_what_sampling_gives():
    made = task(10)
    replay = DDIMInversion().invert(made)
    assert len(replay.latents) == 11
    assert float((sampled(made, replay) - replay.latents[-1]).abs().max()) < 1e-12


def test_steps_are_told():
    told = []
    DDIMInversion().invert(task(4, on_step=lambda done, total: told.append((done, total))))
    assert told == [(done, 8) for done in range(1, 9)]


@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps(steps):
    assert DDIMInversion().invert(task(steps)).num_steps == steps
