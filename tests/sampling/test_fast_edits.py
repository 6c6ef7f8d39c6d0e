"""Edits that leave out a part of their computation: what each shortcut is, alone."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from helpers.loaded import load_model
from helpers.reused_features import assert_reused_features_are_what_is_computed
from helpers.rounding import assert_same_latents
from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.tape import SourceTape
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.runs.record import RunRecord
from wordbrush.runs.run import run_edit, run_source
from wordbrush.sampling.deep_features import DeepFeatures
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.search.cost import RowCount
from wordbrush_bench.tiny.chat import tiny_flux_2, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3
from wordbrush_bench.tiny.pixart import tiny_pixart
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
TARGETS = [TARGET, "a big dog eating an orange"]
RUN = {"seed": 5, "num_inference_steps": 8, "guidance_scale": 5.0}
EARLY = {"cross_replace_steps": 0.25, "self_replace_steps": 0.25}
"""Windows that close after two of eight steps."""


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def source(editor):
    return editor.generate(PROMPT, **RUN)


def test_exact_is_what_it_was_bit_for_bit(editor, source):
    plain = editor.edit(source, TARGET, **EARLY)
    assert torch.equal(editor.edit(source, TARGET, **EARLY, fast="exact").latents, plain.latents)
    assert editor.edit(source, TARGET, **EARLY, fast=Shortcuts()).record.edit == plain.record.edit


def test_a_late_start_is_the_sources_way_until_then(editor, source):
    late = editor.edit(source, TARGET, fast=Shortcuts(late_start=0.3))
    assert all(torch.equal(late.way[step], source.kept.latents[step]) for step in range(3))
    assert len(late.way) == len(source.kept.latents)
    exact = editor.edit(source, TARGET)
    assert 0 < late.record.controlled_calls < exact.record.controlled_calls
    assert (late.latents - source.latents).abs().max() > 1e-3


def test_targets_are_guided_in_the_interval_alone(editor, source):
    part = editor.edit(source, TARGET, fast=Shortcuts(guidance_interval=(0.0, 0.5)))
    exact = editor.edit(source, TARGET)
    assert all(torch.equal(part.way[step], exact.way[step]) for step in range(5))
    assert not torch.equal(part.way[5], exact.way[5])


def test_what_the_negative_prompt_changed_is_taken_from_its_last_step(editor, source):
    made = editor.edit(source, TARGET, **EARLY, fast=Shortcuts(negative_interval=2))
    exact = editor.edit(source, TARGET, **EARLY)
    assert torch.equal(made.way[1], exact.way[1])
    assert not torch.equal(made.way[2], exact.way[2])
    adapter = editor._adapter
    prompt, empty, solver = adapter.encode(TARGET), adapter.encode(""), adapter.solver(8, 32, 32)

    def predicted(step, text):
        return adapter.predict(made.way[step], solver.timesteps[step], text, None, 5.0)[0]

    apart = predicted(4, prompt) - predicted(4, empty)  # the windows have closed: nothing is controlled
    positive = predicted(5, prompt)
    guided = adapter.guidance.combine(positive - apart, positive, 5.0)
    assert_same_latents(made.way[6], solver.step(guided, solver.timesteps[5], made.way[5]))


@pytest.mark.parametrize(("interval", "rows"), [(1, 30), (2, 23), (3, 20), (100, 16)])
def test_rows_with_the_negative_prompt(tiny_folder, interval, rows):
    counted = RowCount(load_model(tiny_folder, "cpu", None)[0])
    settings = GenerationSettings(PROMPT, "", 5, 15, 5.0, 32, 32)
    kept = run_source(counted.adapter(), settings, SourceTape(1 << 30, 256))
    fast = Shortcuts(negative_interval=interval)
    run_edit(counted.adapter(), settings, EditSettings.of(TARGET, cross_replace_steps=1.0, fast=fast), kept)
    assert counted.rows == 30 + rows


def test_targets_that_are_compared_have_all_their_rows(editor, source):
    photo = editor.invert(source.image, PROMPT, method="h-edit", **RUN)
    exact = editor.edit(photo, TARGET, **EARLY)
    assert torch.equal(editor.edit(photo, TARGET, **EARLY, fast=Shortcuts(negative_interval=3)).latents, exact.latents)


@pytest.mark.parametrize("more", [{"cache_interval": 3}, {"late_start": 0.25}, {"guidance_interval": (0.2, 0.6)}])
def test_negative_rows_rest_beside_other_shortcuts(editor, source, more):
    one, two = (
        editor.edit(source, TARGETS, **EARLY, local_blend="dog", fast=Shortcuts(negative_interval=2, **more))
        for _ in range(2)
    )
    for first, again in zip(one, two, strict=True):
        assert torch.equal(first.latents, again.latents)
        outside = ~first.blend_masks[-1]
        assert torch.equal(first.latents[0][:, outside], source.latents[0][:, outside])


@pytest.mark.parametrize("interval", [1, 3])
def test_the_sources_first_negative_prediction_is_the_edits(editor, source, interval):
    fast = Shortcuts(negative_interval=interval)
    computed = editor.edit(source, TARGETS, **EARLY, fast=fast)
    taken = editor.edit(source, TARGETS, **EARLY, fast=replace(fast, source_negative=True))
    for one, other in zip(computed, taken, strict=True):
        assert_same_latents(one.latents, other.latents)
    replayed = editor.replay(RunRecord.from_json(taken[0].record.to_json()))
    assert torch.equal(replayed[0].latents, taken[0].latents)


@pytest.mark.parametrize(("options", "rows"), [({}, 15), ({"plug_and_play": PlugAndPlay()}, 16)])
def test_a_first_negative_row_that_an_edit_acts_on_is_computed(tiny_folder, options, rows):
    counted = RowCount(load_model(tiny_folder, "cpu", None)[0])
    settings = GenerationSettings(PROMPT, "", 5, 8, 5.0, 32, 32)
    kept = run_source(counted.adapter(), settings, SourceTape(1 << 30, 256))
    made = {}
    for source_negative in (False, True):
        before, fast = counted.rows, Shortcuts(source_negative=source_negative)
        run_edit(counted.adapter(), settings, EditSettings.of(TARGET, fast=fast, **options), kept)
        made[source_negative] = counted.rows - before
    assert made[False] - made[True] == 16 - rows


def test_a_photograph_has_no_first_negative_prediction_of_its_own(editor, source):
    photo = editor.invert(source.image, PROMPT, **RUN)
    exact = editor.edit(photo, TARGET, **EARLY)
    assert torch.equal(
        editor.edit(photo, TARGET, **EARLY, fast=Shortcuts(source_negative=True)).latents, exact.latents
    )


@pytest.mark.parametrize(("name", "rows"), [("exact", 30), ("balanced", 29), ("fast", 19)])
def test_rows_of_model_calls(tiny_folder, name, rows):
    """What docs/fast.md says of fifteen steps whose windows hold words to the end."""
    counted = RowCount(load_model(tiny_folder, "cpu", None)[0])
    settings = GenerationSettings(PROMPT, "", 5, 15, 5.0, 32, 32)
    kept = run_source(counted.adapter(), settings, SourceTape(1 << 30, 256))
    assert counted.rows == 30
    run_edit(counted.adapter(), settings, EditSettings.of(TARGET, cross_replace_steps=1.0, fast=name), kept)
    assert counted.rows == 30 + rows


def test_nothing_is_reused_inside_of_a_window(editor, source):
    whole = {"cross_replace_steps": 1.0, "self_replace_steps": 0.25}
    reused = editor.edit(source, TARGET, **whole, fast=Shortcuts(cache_interval=3))
    assert torch.equal(reused.latents, editor.edit(source, TARGET, **whole).latents)


def test_deep_features_are_computed_at_one_of_so_many_steps(editor, source):
    exact = editor.edit(source, TARGET, **EARLY)
    reused = editor.edit(source, TARGET, **EARLY, fast=Shortcuts(cache_interval=3))
    assert all(torch.equal(reused.way[step], exact.way[step]) for step in range(4))  # the third step is whole
    assert not torch.equal(reused.way[4], exact.way[4])
    never = editor.edit(source, TARGET, **EARLY, fast=Shortcuts(cache_interval=100))
    assert not torch.equal(never.latents, reused.latents)


def test_a_blend_finds_its_words_at_a_step_that_shows_it_maps(editor, source):
    blend = LocalBlend("cat", source_words="dog", start_blend=0.375)
    exact = editor.edit(source, TARGET, **EARLY, local_blend=blend)
    reused = editor.edit(source, TARGET, **EARLY, local_blend=blend, fast=Shortcuts(cache_interval=8))
    # The third step keeps deep features, and the fourth, at which the blend begins, does not re-use them.
    assert torch.equal(reused.way[4], exact.way[4])
    assert torch.equal(reused.blend_masks[0], exact.blend_masks[0])
    assert not torch.equal(reused.way[5], exact.way[5])


def test_a_batch_of_fast_edits_is_its_single_edits(editor, source):
    fast = Shortcuts((0.0, 0.5), 0.2, 2)
    batch = editor.edit(source, TARGETS, **EARLY, fast=fast)
    for target, one in zip(TARGETS, batch, strict=True):
        assert_same_latents(one.latents, editor.edit(source, target, **EARLY, fast=fast).latents)


def test_the_model_is_as_it_was(editor, source):
    editor.edit(source, TARGET, **EARLY, fast=Shortcuts(cache_interval=2))
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, source.latents)


@pytest.mark.parametrize("cache_interval", [1, 2, 3])
def test_outside_of_a_region_is_the_sources(editor, source, cache_interval):
    fast = Shortcuts((0.0, 0.75), 0.25, cache_interval)
    blend = LocalBlend(threshold=0.9, pool=1)
    result = editor.edit(source, TARGET, **EARLY, local_blend=blend, fast=fast)
    outside = ~result.blend_masks[-1]
    assert 0 < outside.float().mean() < 1
    assert torch.equal(result.latents[0][:, outside], source.latents[0][:, outside])


def test_what_is_kept_of_a_source_does_not_show(tiny_folder, source, editor):
    fast, options = Shortcuts((0.0, 0.75), 0.0, 2), {**EARLY, "local_blend": "cat"}
    nothing = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=0)
    alone = nothing.edit(nothing.generate(PROMPT, **RUN), TARGET, **options, fast=fast)
    assert_same_latents(alone.latents, editor.edit(source, TARGET, **options, fast=fast).latents)


@pytest.mark.parametrize("name", ["balanced", "fast"])
def test_it_is_recorded_and_replayed(editor, source, name):
    for result in (
        editor.edit(source, TARGETS, **EARLY, fast=name),
        [editor.generate_and_edit(PROMPT, TARGET, **RUN, **EARLY, fast=name)],
    ):
        record = RunRecord.from_json(result[0].record.to_json())
        assert record.edit.fast == Shortcuts.parse(name)
        assert record.acted[0][-1] == f"fast: {Shortcuts.parse(name)}"
        again = editor.replay(record)
        assert all(torch.equal(a.latents, b.latents) for a, b in zip(again, result, strict=True))


def test_a_source_made_in_the_same_call_is_the_kept_one(editor, source):
    together = editor.generate_and_edit(PROMPT, TARGET, **RUN, fast="fast")
    assert torch.equal(together.source.latents, source.latents)
    assert_same_latents(together.latents, editor.edit(source, TARGET, fast="fast").latents)


def test_a_photograph_is_edited_fast(editor, source):
    photo = editor.invert(source.image, PROMPT, **RUN)
    edited = editor.edit(photo, TARGET, **EARLY, local_blend="cat", fast="fast")
    assert edited.latents.isfinite().all()
    assert torch.equal(editor.edit(photo, TARGET, **EARLY, local_blend="cat", fast="fast").latents, edited.latents)


def test_maps_of_steps_that_are_not_made_are_refused(editor, source):
    with pytest.raises(SettingsError, match="does not make the first 2 of them; use fast='exact'"):
        editor.edit(source, TARGET, fast=Shortcuts(late_start=0.25), capture=MapsRequest("cat"))
    made = editor.edit(source, TARGET, **EARLY, fast=Shortcuts(cache_interval=2), capture=MapsRequest("cat"))
    exact = editor.edit(source, TARGET, **EARLY)
    assert torch.equal(made.latents, exact.latents)  # each step that is looked at is whole


@pytest.mark.parametrize("sampler", ["euler-a", "pndm"])
def test_a_sampler_that_cannot_begin_late_says_so(editor, sampler):
    source = editor.generate(PROMPT, **RUN, sampler=sampler)
    with pytest.raises(SettingsError, match=f"the sampler '{sampler}' cannot; use another sampler"):
        editor.edit(source, TARGET, fast=Shortcuts(late_start=0.25))


@pytest.mark.parametrize("sampler", ["euler", "dpm++"])
def test_other_samplers_begin_late(editor, sampler):
    source = editor.generate(PROMPT, **RUN, sampler=sampler)
    assert editor.edit(source, TARGET, fast=Shortcuts(late_start=0.25)).latents.isfinite().all()


@pytest.mark.parametrize(
    ("pipeline", "size"),
    [
        (tiny_pipeline, (32, 32)),
        (tiny_xl, (32, 32)),
        (partial(tiny_pixart, num_layers=3), (32, 32)),
        (tiny_sd3, SIZE),
        (partial(tiny_flux, num_single_layers=4), SIZE),
        (partial(tiny_qwen_image, num_layers=3), SIZE),
        (partial(tiny_z_image, n_layers=3), SIZE),
        (partial(tiny_flux_2, num_single_layers=3), SIZE),
    ],
)
def test_features_of_the_same_call_give_the_same_prediction(pipeline, size):
    """The law of re-use, for each family: what is taken instead is what would have been computed."""
    assert_reused_features_are_what_is_computed(Editor.from_pipeline(pipeline())._adapter, PROMPT, size)


def test_a_network_of_two_blocks_has_nothing_between_them():
    adapter = Editor.from_pipeline(tiny_pixart(num_layers=2))._adapter
    text, noise, deep = adapter.encode(PROMPT), adapter.noise(1, 32, 32), DeepFeatures()
    timestep = adapter.solver(4, 32, 32).timesteps[1]
    for reuses in (False, True):
        deep.begin(BatchLayout.of([1], guided=False), reuses=reuses)
        made, _ = adapter.predict(noise, timestep, text, None, 1.0, deep)
        assert torch.equal(made, adapter.predict(noise, timestep, text, None, 1.0)[0])
