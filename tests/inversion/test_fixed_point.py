import pytest
import torch

from helpers.analytic import error, task
from wordbrush.errors import SettingsError
from wordbrush.inversion.ddim import DDIMInversion
from wordbrush.inversion.fixed_point import FixedPoint
from wordbrush.inversion.path import back, fixed_point


@pytest.mark.parametrize("steps", [3, 5, 10])
def test_it_beats_ddim_at_few_steps(steps):
    made = task(steps, guidance_scale=1.0)
    ddim, iterated = (error(made, m.invert(made).latents[-1]) for m in (DDIMInversion(), FixedPoint(20)))
    assert iterated < 0.5 * ddim


def test_more_iterations_are_nearer():
    made = task(10, guidance_scale=1.0)
    errors = [error(made, FixedPoint(n).invert(made).latents[-1]) for n in (1, 3, 10)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3


def test_a_converged_step_back_is_undone_by_a_step():
    made = task(3)
    timestep = made.timesteps[0]
    before = fixed_point(made, made.latents, timestep, 50)
    for guess, undone in ((before, True), (back(made, made.latents, made.latents, timestep), False)):
        after = made.solver.step(made.predict(guess, timestep), timestep, guess)
        assert torch.allclose(after, made.latents, rtol=0, atol=1e-5) == undone


def test_the_iterations_are_checked():
    with pytest.raises(SettingsError, match="num_iterations is 0"):
        FixedPoint(0)
