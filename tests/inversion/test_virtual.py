import pytest
import torch

from helpers.analytic import error, sampled, task
from wordbrush.errors import SettingsError
from wordbrush.inversion.virtual import Virtual


@pytest.mark.parametrize("steps", [1, 4, 12])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_equal_prompts_and_guidance_give_the_source_back_exactly(steps, scale):
    made = task(steps, guidance_scale=scale)
    replay = Virtual(scale).invert(made)
    assert torch.equal(replay.latents[-1], made.latents)
    torch.testing.assert_close(sampled(made, replay), made.latents, rtol=0, atol=1e-9)


@pytest.mark.parametrize("steps", [4, 12])
def test_another_prompt_moves_the_picture_in_few_steps(steps):
    made = task(steps, guidance_scale=1.0)
    other = torch.tensor([[[-6.0, 6.0, 0.0]]], dtype=torch.float64)
    replay = Virtual().invert(made)
    target = sampled(made, replay, other)
    means = made.model.means_KD
    before, after = ((latents.flatten() - means[1]).norm() for latents in (made.latents, target))
    assert after < 0.9 * before
    assert error(made, target) > 0.1


def test_a_nearer_prompt_moves_it_less():
    made = task(12, guidance_scale=1.0)
    replay = Virtual().invert(made)
    moved = [
        error(made, sampled(made, replay, made.text.states + share * torch.tensor([[[-4.0, 4.0, 0.0]]])))
        for share in (0.0, 0.1, 1.0)
    ]
    assert moved == sorted(moved)


def test_the_guidance_is_checked():
    with pytest.raises(SettingsError, match="source_guidance_scale"):
        Virtual(float("inf"))
