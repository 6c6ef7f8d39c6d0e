import pytest
import torch

from helpers.analytic import sampled, task
from wordbrush.errors import RecordError
from wordbrush.inversion.methods import METHODS
from wordbrush.inversion.settings import InversionSettings
from wordbrush.inversion.tensors import from_tensors, to_tensors

OTHER = torch.tensor([[[-2.0, 2.0, 0.0]]], dtype=torch.float64)


def kept(method: str):
    made = task(4)
    inversion = InversionSettings(method, {}).build()
    return made, inversion, inversion.invert(made)


@pytest.mark.parametrize("method", METHODS)
def test_a_replay_built_again_edits_the_same(method):
    made, inversion, replay = kept(method)
    again = from_tensors(inversion, to_tensors(replay), made.text.shapes(), made.latents.shape)
    assert all(map(torch.equal, again.latents, replay.latents))
    assert torch.equal(again.text.states, replay.text.states)
    assert torch.equal(sampled(made, again, OTHER), sampled(made, replay, OTHER))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_wrong_is_refused(method):
    made, inversion, replay = kept(method)
    whole = to_tensors(replay)
    for name, tensor in whole.items():
        changed = [
            {key: value for key, value in whole.items() if key != name},
            {**whole, name: tensor[..., :-1]},
            {**whole, name: tensor * torch.nan},
            {**whole, name: tensor.to(torch.int64)},
            {**whole, "more": tensor},
        ]
        for wrong in changed:
            with pytest.raises(RecordError, match="invert the picture again"):
                from_tensors(inversion, wrong, made.text.shapes(), made.latents.shape)
