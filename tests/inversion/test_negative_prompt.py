import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.analytic import error, sampled, task
from wordbrush.errors import SettingsError
from wordbrush.inversion.ddim import DDIMInversion
from wordbrush.inversion.negative_prompt import NegativePrompt
from wordbrush.inversion.proximal import dilated, proximal, threshold
from wordbrush.sampling.guidance import ClassifierFree

OTHER = torch.tensor([[[-4.0, 4.0, 0.0]]], dtype=torch.float64)


def test_guidance_leaves_the_source_as_it_is():
    made = task(25, guidance_scale=7.5)
    plain, guided = (task(25, guidance_scale=scale) for scale in (1.0, 7.5))
    replay = NegativePrompt().invert(made)
    torch.testing.assert_close(sampled(made, replay), replay.latents[-1], rtol=0, atol=1e-9)
    assert torch.equal(replay.latents[-1], DDIMInversion().invert(plain).latents[-1])
    assert error(made, replay.latents[-1]) < 0.5 * error(made, DDIMInversion().invert(guided).latents[-1])


@pytest.mark.parametrize("norm", ["l0", "l1"])
def test_proximal_guidance_changes_less(norm):
    made = task(25)
    free, held = (sampled(made, m.invert(made), OTHER) for m in (NegativePrompt(), NegativePrompt(norm)))
    assert 0.01 < error(made, held) < error(made, free)


def test_what_is_not_guided_is_the_picture():
    """At quantile 1 nothing is guided, and the pull of 1 from the first timestep on gives the picture's latents."""
    made = task(25)
    replay = NegativePrompt("l0", quantile=1.0, recon=1.0, dilate=0).invert(made)
    target = sampled(made, replay, OTHER)
    rates = made.solver.rates_after(made.timesteps[-1])
    assert error(made, target) < 4 * rates.noise


@given(st.lists(st.floats(-9, 9), min_size=4, max_size=40), st.floats(0, 1))
def test_thresholds_are_of_each_row(values, quantile):
    change = torch.tensor([values, [2 * value for value in values]], dtype=torch.float64)[:, :, None, None]
    least = threshold(change, quantile)
    assert least.shape == (2, 1, 1, 1)
    torch.testing.assert_close(least[1], 2 * least[0])
    hard, soft = proximal(change, least, "l0"), proximal(change, least, "l1")
    assert bool((soft.abs() <= hard.abs()).all())
    torch.testing.assert_close(soft.sign(), hard.sign())


def test_dilation_grows_by_its_radius():
    mask = torch.zeros(1, 1, 7, 7, dtype=torch.bool)
    mask[..., 3, 3] = True
    assert [int(dilated(mask, radius).sum()) for radius in (0, 1, 2)] == [1, 9, 25]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"proximal": "l2"}, "l0, l1 or none"),
        ({"quantile": 1.5}, "quantile"),
        ({"recon_lr": float("nan")}, "recon_lr"),
        ({"recon": -0.1, "proximal": "l1"}, "recon"),
        ({"dilate": -1}, "dilate"),
    ],
)
def test_values_are_checked(values, named):
    with pytest.raises(SettingsError, match=named):
        NegativePrompt(**values)


def test_there_is_no_place_for_another_negative_prompt():
    with pytest.raises(SettingsError, match="leave negative_prompt empty"):
        NegativePrompt().check(ClassifierFree(), 4.0, "blurry")
