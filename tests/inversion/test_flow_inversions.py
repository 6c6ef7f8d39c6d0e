"""Inversions of flows on an exact one: orders of their errors, what comes back, and what they cost."""

from dataclasses import replace

import pytest
import torch

from helpers.analytic import error, sampled
from helpers.analytic_flow import exactly_sampled, task
from wordbrush.errors import SettingsError
from wordbrush.inversion.rf_inversion import RFInversion
from wordbrush.inversion.rf_solver import RFSolver
from wordbrush.inversion.task import CountedCalls
from wordbrush.inversion.tensors import from_tensors, to_tensors
from wordbrush.inversion.uni_edit import UniEdit, WhereTheyDiffer
from wordbrush.sampling.steering import Predicted

OTHER = torch.tensor([[[-1.0, 2.0, 0.0]]], dtype=torch.float64)
METHODS = [RFSolver(), RFSolver(skip=0.25), RFInversion(), UniEdit(skip=0.25), UniEdit(skip=0.0)]


def missed(method, steps):
    """How far from the picture the exact flow ends from the noise that was found."""
    made = task(steps)
    return error(made, exactly_sampled(made, method.invert(made).latents[0]))


def test_rf_solver_is_of_the_second_order_and_plain_steps_back_of_the_first():
    few, many = missed(RFSolver(), 16), missed(RFSolver(), 32)
    assert 3 < few / many < 5.5
    plain_few, plain_many = missed(RFInversion(gamma=0.0), 16), missed(RFInversion(gamma=0.0), 32)
    assert 1.6 < plain_few / plain_many < 2.6
    assert many < plain_many / 4


@pytest.mark.parametrize("method", [RFSolver(), RFSolver(skip=0.25), RFInversion(eta=1.0, stop=1.0)])
@pytest.mark.parametrize("steps", [4, 12])
def test_the_picture_comes_back_to_its_own_prompt(method, steps):
    made = task(steps)
    replay = method.invert(made)
    assert torch.equal(replay.latents[-1], made.latents)
    assert error(made, sampled(made, replay)) < 1e-9
    if not isinstance(method, RFInversion):
        assert error(made, sampled(made, replay, OTHER)) > 1e-3  # another prompt is another picture


def test_rf_inversion_is_drawn_to_the_noise_of_its_seed_and_to_the_picture():
    made = task(8, seed=5)
    noise = made.draw_noise(1)
    off = [float((RFInversion(gamma=g).invert(made).latents[0] - noise).norm()) for g in (0.0, 0.5, 1.0)]
    assert off[0] > off[1] > off[2]
    assert off[2] < 1e-9
    far = [error(made, sampled(made, RFInversion(eta=eta, stop=0.5).invert(made), OTHER)) for eta in (0, 0.5, 1)]
    assert far[0] > far[1] > far[2] > 1e-3
    held = [error(made, sampled(made, RFInversion(stop=stop).invert(made), OTHER)) for stop in (0, 0.5, 1)]
    assert held[0] > held[1] > held[2]


@pytest.mark.parametrize(
    ("method", "calls"), [(METHODS[0], 17), (METHODS[1], 13), (METHODS[2], 8), (METHODS[3], 7), (METHODS[4], 9)]
)
def test_what_they_cost(method, calls):
    made = task(8)
    counted = CountedCalls(made.model)
    method.invert(replace(made, model=counted))
    assert (counted.calls, counted.rows) == (calls, calls)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_kept_is_the_same(method):
    made = task(4)
    replay = method.invert(made)
    tensors = to_tensors(replay)
    again = from_tensors(method, tensors, made.text.shapes(), tuple(made.latents.shape))
    assert torch.equal(sampled(made, again, OTHER), sampled(made, replay, OTHER))


@pytest.mark.parametrize("settings", [{"gamma": 1.1}, {"eta": -0.1}, {"stop": 2}, {"source_guidance_scale": 100}])
def test_values_outside_of_their_ranges_are_told(settings):
    with pytest.raises(SettingsError, match=next(iter(settings))):
        RFInversion(**settings)
    with pytest.raises(SettingsError, match="skip is 1"):
        RFSolver(skip=1)
    with pytest.raises(SettingsError, match="omega is -1"):
        UniEdit(omega=-1)


def test_uni_inversion_comes_back_by_plain_steps_with_an_error_of_the_second_order():
    """Better than steps back of the first order, whose velocities are those of the other end."""
    off = [error(made, sampled(made, UniEdit(skip=0.0).invert(made))) for made in (task(16), task(32), task(64))]
    assert 3 < off[0] / off[1] < 5.5
    assert 3 < off[1] / off[2] < 5.5
    plain = task(32)
    assert off[1] < error(plain, sampled(plain, RFInversion(gamma=0.0, stop=0.0).invert(plain))) / 4


def test_uni_edit_leads_more_with_a_larger_omega_and_less_with_more_skipped():
    made = task(12)
    far = [error(made, sampled(made, UniEdit(skip=0.0, omega=omega).invert(made), OTHER)) for omega in (0.0, 0.5, 2.0)]
    assert 0 < far[0] < far[1] < far[2]
    kept = [error(made, sampled(made, UniEdit(skip=skip).invert(made), OTHER)) for skip in (0.1, 0.5, 0.8)]
    assert kept[0] > kept[1] > kept[2]


def test_a_step_of_uni_edit_by_hand():
    made, latents = task(8), torch.randn(2, 3, 4, 4, dtype=torch.float64)
    its, theirs = torch.randn_like(latents), torch.randn_like(latents)
    predicted = Predicted(its, None, made.model.guidance, 1.0, theirs)
    timestep = made.timesteps[2]
    moved = WhereTheyDiffer(5.0).advance(made.solver, 2, timestep, predicted, latents)
    width = made.solver.rates_after(timestep).noise - made.solver.rates(timestep).noise
    for row in range(2):
        where = (its[row] - theirs[row]).mean(0)
        where = (where - where.min()) / (where.max() - where.min())
        fused = where * its[row] + (1 - where) * theirs[row]
        by_hand = latents[row] + width * fused + 5 * width * (1 + where) * (its[row] - theirs[row])
        torch.testing.assert_close(moved[row], by_hand)
    alike = WhereTheyDiffer(5.0).advance(made.solver, 2, timestep, replace(predicted, source=its), latents)
    torch.testing.assert_close(alike, latents + width * its)


def test_uni_edit_stands_for_guidance():
    guidance = task(4).model.guidance
    UniEdit().check(guidance, 1.0, "")
    with pytest.raises(SettingsError, match="give guidance_scale=1"):
        UniEdit().check(guidance, 4.0, "")
