"""The law of an edit that does nothing, for each family and whatever guides it."""

import torch

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.edits.borrowed import Borrowed
from wordbrush.edits.plan import EditPlan, TargetPlan
from wordbrush.edits.token_map import TokenMap
from wordbrush.sampling.adapter import Adapter


def assert_an_idle_edit_is_the_plain_picture(adapter: Adapter, prompt: str, size: tuple[int, int]) -> None:
    """A call whose words all keep their own maps predicts what a plain one does, bit for bit."""
    text, noise = adapter.encode(prompt), adapter.noise(1, *size)
    timestep, layout = adapter.solver(4, *size).timesteps[1], BatchLayout.of([1], guided=False)
    length = text.states.shape[1]
    nothing = TargetPlan.build(TokenMap.identity(length, length), torch.ones(1, length), (Borrowed(),))
    control = StepControl(1, layout, EditPlan((nothing,)).at(0), None)
    plain, _ = adapter.predict(noise, timestep, text, None)
    assert torch.equal(adapter.predict(noise, timestep, text, control)[0], plain)
