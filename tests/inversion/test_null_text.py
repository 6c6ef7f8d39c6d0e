from dataclasses import replace

import pytest
import torch

from helpers.analytic import error, sampled, task
from wordbrush.errors import OutputError, SettingsError
from wordbrush.inversion.ddim import DDIMInversion
from wordbrush.inversion.null_text import NullText
from wordbrush.inversion.path import ddim_path
from wordbrush.sampling.guidance import ClassifierFree


def test_the_loss_falls_with_each_inner_step():
    made = task(20)
    path = ddim_path(made, lambda: None)
    fit = NullText(num_inner_steps=10, early_stop=0.0).fit(made, 5, path[5] + 0.01, path[6], made.negative.states)
    assert len(fit.losses) == 10
    assert list(fit.losses) == sorted(fit.losses, reverse=True)
    assert fit.losses[-1] < 0.95 * fit.losses[0]


def test_what_is_kept_is_what_reached_the_lowest_loss():
    made = task(20)
    path = ddim_path(made, lambda: None)
    fit = NullText(early_stop=0.0, learning_rate=1.0).fit(made, 5, path[5], path[6], made.negative.states)
    assert float((fit.latents - path[6]).square().mean()) == pytest.approx(min(fit.losses))


def test_it_comes_back_better_than_ddim_and_the_better_the_more_inner_steps():
    made = task(20, guidance_scale=7.5)
    ddim = error(made, DDIMInversion().invert(made).latents[-1])
    errors = [error(made, NullText(n, early_stop=0.0).invert(made).latents[-1]) for n in (2, 10, 40)]
    assert [ddim, *errors] == sorted([ddim, *errors], reverse=True)
    assert errors[-1] < 0.7 * ddim


def test_it_stops_early_at_the_published_loss():
    made = task(20)
    path = ddim_path(made, lambda: None)
    assert len(NullText(early_stop=1.0).fit(made, 0, path[0], path[1], made.negative.states).losses) == 1


def test_the_source_is_what_sampling_with_the_texts_gives():
    made = task(10)
    replay = NullText().invert(made)
    assert replay.steering.tensors()["negatives"].shape == (10, 1, 3)
    torch.testing.assert_close(sampled(made, replay), replay.latents[-1], rtol=0, atol=1e-9)


def test_nothing_of_the_graph_is_kept():
    replay = NullText().invert(task(3))
    tensors = [*replay.latents, *replay.steering.tensors().values()]
    assert not any(tensor.requires_grad for tensor in tensors)


def test_numbers_that_are_none_are_an_error():
    made = task(3)
    with pytest.raises(OutputError, match="loss is not a finite number; give smaller weights"):
        NullText().invert(replace(made, negative=made.negative.with_states(made.negative.states * torch.nan)))


@pytest.mark.parametrize("values", [{"num_inner_steps": 0}, {"learning_rate": 0.0}, {"early_stop": -1.0}])
def test_values_are_checked(values):
    with pytest.raises(SettingsError, match=next(iter(values))):
        NullText(**values)


def test_it_needs_guidance():
    with pytest.raises(SettingsError, match="more than 1"):
        NullText().check(ClassifierFree(), 1.0, "")
