import torch

from helpers.analytic import sampled, task
from wordbrush.inversion.ddim import DDIMInversion
from wordbrush.inversion.direct import Direct
from wordbrush.inversion.task import CountedCalls


def test_the_picture_comes_back_exactly_at_any_guidance():
    for scale in (1.0, 7.5):
        made = task(10, guidance_scale=scale)
        replay = Direct().invert(made)
        assert torch.equal(replay.latents[-1], made.latents)


def test_edits_start_where_ddim_inversion_ends():
    made = task(10)
    assert torch.equal(Direct().invert(made).latents[0], DDIMInversion().invert(made).latents[0])


def test_one_row_a_step():
    made = task(10)
    counted = CountedCalls(made.model)
    Direct().invert(type(made)(**{**vars(made), "model": counted}))
    assert (counted.calls, counted.rows) == (10, 10)


def test_the_recorded_path_is_the_published_correction_of_the_sources_branch():
    """Ju et al., algorithm 1: the source is sampled, and its distance to the path is added after each step."""
    made = task(10)
    replay = Direct().invert(made)
    latents = replay.latents[0]
    for step, timestep in enumerate(made.timesteps):
        reached = made.solver.step(made.predict(latents, timestep, made.guidance_scale), timestep, latents)
        latents = reached + (replay.latents[step + 1] - reached)
        assert float((latents - replay.latents[step + 1]).abs().max()) < 1e-12


def test_a_target_of_another_prompt_is_another_picture():
    made = task(10)
    other = torch.tensor([[[-4.0, 4.0, 0.0]]], dtype=torch.float64)
    target = sampled(made, Direct().invert(made), other).flatten()
    distances = (made.model.means_KD - target).norm(dim=1)
    assert int(distances.argmin()) == 1
