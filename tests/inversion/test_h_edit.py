"""h-Edit: the paper's explicit formula, and what it comes to where its two predictions are one."""

from dataclasses import dataclass, field, fields

import pytest
import torch

from helpers.analytic import error, sampled, task
from helpers.loaded import load_model
from helpers.rounding import assert_same, assert_same_latents
from wordbrush.attention.batch import BatchLayout
from wordbrush.editor import Editor
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import SettingsError
from wordbrush.inversion.direct import Direct
from wordbrush.inversion.edit_friendly import EditFriendly
from wordbrush.inversion.h_edit import HEdit
from wordbrush.inversion.h_edit_direct import HEditDirect
from wordbrush.inversion.task import CountedCalls
from wordbrush.runs.run import run_edit
from wordbrush.sampling.rates import fresh_noise

PROMPT, TARGETS = "a dog eating an apple", ["a cat eating an apple", "a big dog eating an orange"]
RUN = {"num_inference_steps": 5, "guidance_scale": 5.0}
OTHER = torch.tensor([[[-4.0, 4.0, 0.0]]], dtype=torch.float64)


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture(scope="module")
def photo(editor):
    return editor.generate("a dog on a mat", num_inference_steps=2).image


FORMS = {"h-edit": lambda part: HEdit(0.0, part), "h-edit-direct": HEditDirect}
DRAWN = {"h-edit": 1.0, "h-edit-direct": 0.0}
"""How much of the noise that a step of each may draw it draws: eta."""


def by_hand(latents, missing, source, negative, target, now, to, scale, part, eta):
    """One step of the paper: equation 22 for the base, 23 for its coefficient, 24 for the difference."""
    kept = (to.noise**2 - (eta * fresh_noise(now, to)) ** 2) ** 0.5
    base = to.signal * (latents - now.noise * source) / now.signal + kept * source + missing
    of_source = negative + part * scale * (source - negative)
    of_target = negative + scale * (target - negative)
    return base + (kept - now.noise * to.signal / now.signal) * (of_target - of_source)


def missing_of(made, replay, eta):
    """What the unguided step of the source's own prompt misses of the source's path, step by step."""
    found = []
    for step, timestep in enumerate(replay.timesteps(made.solver)):
        source = made.predict(replay.latents[step], timestep)
        rates = made.solver.rates(timestep), made.solver.rates_after(timestep)
        reached = by_hand(replay.latents[step], 0, source, source, source, *rates, 1, 1, eta)
        found.append(replay.latents[step + 1] - reached)
    return found


@pytest.mark.parametrize("method", FORMS)
@pytest.mark.parametrize("part", [0.0, 2 / 3, 1.0])
def test_it_is_the_papers_explicit_formula(method, part):
    made = task(10, guidance_scale=4.0)
    replay = FORMS[method](part).invert(made)
    latents, missing = replay.latents[0], missing_of(made, replay, DRAWN[method])
    for step, timestep in enumerate(replay.timesteps(made.solver)):
        predicted = [
            made.model.predict(latents, timestep, text, None)[0]
            for text in (made.text, made.negative, made.text.with_states(OTHER))
        ]
        rates = made.solver.rates(timestep), made.solver.rates_after(timestep)
        latents = by_hand(latents, missing[step], *predicted, *rates, 4.0, part, DRAWN[method])
    torch.testing.assert_close(sampled(made, replay, OTHER), latents, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", FORMS)
def test_with_equal_prompts_and_equal_guidance_the_picture_comes_back_exactly(method):
    made = task(25)
    replay = FORMS[method](1.0).invert(made)
    assert torch.equal(replay.latents[-1], made.latents)
    torch.testing.assert_close(sampled(made, replay), made.latents, rtol=0, atol=1e-9)
    assert error(made, sampled(made, FORMS[method](0.5).invert(made))) > 1e-3


def test_each_stands_on_its_own_inversion():
    made = task(10)
    pairs = [(HEdit(0.36), EditFriendly(0.36, 1.0)), (HEditDirect(), Direct())]
    for ours, base in pairs:
        for own, its in zip(ours.invert(made).latents, base.invert(made).latents, strict=True):
            assert torch.equal(own, its)


def test_a_source_guided_by_1_leaves_edit_friendly_inversion():
    """What is then taken away of the source is what its step has added."""
    made = task(10, guidance_scale=4.0)
    ours, base, other = (
        sampled(made, method.invert(made), OTHER) for method in (HEdit(0.1, 0.25), EditFriendly(0.1, 1.0), HEdit(0.1))
    )
    torch.testing.assert_close(ours, base, rtol=0, atol=1e-9)
    assert (ours - other).abs().max() > 1e-2


def test_without_guidance_it_is_edit_friendly_inversion():
    made = task(10, guidance_scale=1.0)
    ours, base = (sampled(made, method.invert(made), OTHER) for method in (HEdit(), EditFriendly(0.0, 1.0)))
    assert torch.equal(ours, base)


@pytest.mark.parametrize(("method", "calls"), [("h-edit", 10), ("h-edit-direct", 20)])
def test_one_row_a_call_and_three_for_a_target(method, calls):
    made = task(10)
    counted = CountedCalls(made.model)
    counting = type(made)(**{**vars(made), "model": counted})
    replay = FORMS[method](0.5).invert(counting)
    assert (counted.calls, counted.rows) == (calls, calls)
    sampled(counting, replay, OTHER)
    assert (counted.calls, counted.rows) == (calls + 10, calls + 30)


@dataclass
class Noting:
    """An adapter that notes each model call: its latents, timestep, text, and what it predicted."""

    adapter: object
    calls: list = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.adapter, name)

    def predict(self, latents, timestep, text, *rest):
        made = self.adapter.predict(latents, timestep, text, *rest)
        self.calls.append((latents, timestep, text, made[0]))
        return made


@pytest.mark.parametrize("method", FORMS)
def test_an_edit_controls_its_own_prediction_alone_and_its_steps_are_the_formula(tiny_folder, editor, photo, method):
    """On a network with attention: the source's prompt sees a target's latents as it would without any edit."""
    source = editor.invert(photo, PROMPT, method=method, source_guidance_part=0.7, **RUN)
    noting = Noting(load_model(tiny_folder, "cpu", "float32")[0])
    edit = EditSettings.of(TARGETS, cross_replace_steps=1.0, self_replace_steps=1.0, recipe="published")
    way = run_edit(noting, source.settings, edit, source.kept).way
    solver = noting.solver(5, source.settings.height, source.settings.width)
    layout = BatchLayout.of([1, 2], guided=True, compared=True)
    at = [layout.positions([1, 2], conditional=False), layout.positions([1, 2], conditional=True)]
    at.append(layout.compared([1, 2]))
    assert len(noting.calls) == 5
    for step, (latents, timestep, text, made) in enumerate(noting.calls):
        plain = noting.adapter.predict(latents, timestep, text, None)[0]
        negative, target, of_source = (made[rows] for rows in at)
        assert_same(of_source, plain[at[2]], products=1000)
        assert (target - plain[at[1]]).abs().max() > 1e-4
        for row in at[2]:
            assert torch.equal(text.states[row], source.kept.text.states[0])
        rates = solver.rates(timestep), solver.rates_after(timestep)
        missing = next(iter(source.kept.steering.tensors().values()))[step]
        expected = by_hand(way[step], missing, of_source, negative, target, *rates, 5.0, 0.7, DRAWN[method])
        torch.testing.assert_close(way[step + 1], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", FORMS)
def test_an_edit_that_changes_nothing_gives_the_source_back(editor, photo, method):
    few = {"num_inference_steps": 3, "guidance_scale": 3.0}  # an untrained network multiplies rounding at each step
    source = editor.invert(photo, PROMPT, method=method, source_guidance_part=1.0, **few)
    assert source.report.reconstruction == source.report.autoencoder
    same = editor.edit(source, PROMPT, equalizer={"apple": 1 + 1e-9})
    assert_same_latents(same.latents, source.latents)
    assert_same_latents(editor.regenerate(source, PROMPT).latents, source.latents)


@pytest.mark.parametrize("method", FORMS)
def test_fast_edits_and_edits_of_edits(editor, photo, method):
    source = editor.invert(photo, PROMPT, method=method, **RUN)
    late = Shortcuts(late_start=0.3, cache_interval=2)
    exact, fast = (editor.edit(source, TARGETS[0], fast=how) for how in ("exact", late))
    assert fast.latents.isfinite().all()
    assert (fast.latents - exact.latents).abs().max() > 1e-4
    again = editor.edit(editor.as_source(exact), TARGETS[0], equalizer={"cat": 1 + 1e-7})
    torch.testing.assert_close(again.latents, exact.latents, atol=1e-3, rtol=1e-3)
    further = editor.edit(exact, "a red cat eating an apple")
    assert editor.replay(further.record, photo=photo)[0].image.tobytes() == further.image.tobytes()


@pytest.mark.parametrize(
    "values", [{"skip": 1.0}, {"source_guidance_part": 1.1}, {"source_guidance_part": float("nan")}]
)
def test_values_are_checked(values):
    for kind in (HEdit, HEditDirect):
        if values.keys() <= {own.name for own in fields(kind)}:
            with pytest.raises(SettingsError, match=next(iter(values))):
                kind(**values)
