"""Steps that compute only the region that a local blend lets change."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.region import Region, RegionTape
from wordbrush.attention.surroundings import Surroundings
from wordbrush.attention.tape import SourceTape
from wordbrush.editor import Editor
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.maps.request import MapsRequest
from wordbrush.runs.planned import plan
from wordbrush.runs.record import RunRecord
from wordbrush.runs.run import run_source
from wordbrush.sampling.adapter import RegionCall
from wordbrush.sampling.deep_features import DeepFeatures
from wordbrush.sampling.region_steps import RegionSteps
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3
from wordbrush_bench.tiny.pixart import tiny_pixart
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
FAMILIES = pytest.mark.parametrize(
    ("pipeline", "size"),
    [
        (tiny_sd3, SIZE),
        (partial(tiny_flux, num_single_layers=2), SIZE),
        (partial(tiny_pixart, num_layers=2), (32, 32)),
        (tiny_pipeline, (32, 48)),
        (tiny_xl, (32, 32)),
    ],
)
RUN = {"seed": 5, "num_inference_steps": 10, "size": SIZE}
CORNER = LocalBlend((), mask=LatentMask(tuple("####" + "." * 20 if row < 4 else "." * 24 for row in range(16))))


@pytest.fixture(scope="module")
def editor() -> Editor:
    return Editor.from_pipeline(tiny_sd3())


@pytest.fixture(scope="module")
def source(editor):
    return editor.generate(PROMPT, **RUN)


def _region(adapter, size) -> tuple[Region, torch.Tensor]:
    """Some positions of a picture, and where their cells are in its latents (h, w)."""
    patch, (height, width) = adapter.region_form.patch, adapter.latent_size(*size)
    cells = torch.zeros(height // patch, width // patch, dtype=torch.bool)
    cells[1:3, 2:4] = True
    return Region(cells), cells.repeat_interleave(patch, 0).repeat_interleave(patch, 1)


def _call(pipeline, size):
    """A family's adapter, and what a plain call of its network takes: a text, latents and a timestep."""
    adapter = Editor.from_pipeline(pipeline())._adapter
    return adapter, adapter.encode(PROMPT), adapter.noise(1, *size), adapter.solver(4, *size).timesteps[1]


@FAMILIES
def test_a_region_of_the_same_call_has_the_same_prediction(pipeline, size):
    """The law of refreshing: where the surroundings are current, the region is what a whole call computes."""
    adapter, text, noise, timestep = _call(pipeline, size)
    layout = BatchLayout.of([1], guided=False)
    region, inside = _region(adapter, size)
    plain, _ = adapter.predict(noise, timestep, text, None)
    surroundings = Surroundings()
    surroundings.begin(layout, None)
    whole, _ = adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))
    assert torch.equal(whole, plain)
    surroundings.begin(layout, region)
    alone, _ = adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))
    assert (alone - plain).abs().max() < 1e-5
    moved, _ = adapter.predict(noise + 0.1, timestep, text, None, 1.0, RegionCall(surroundings))
    assert torch.equal(moved[..., ~inside], plain[..., ~inside])
    assert (moved - plain)[..., inside].abs().min() > 0
    assert torch.equal(adapter.predict(noise, timestep, text, None)[0], plain)


def test_nothing_runs_for_the_text_beside_a_region_of_sd3():
    pipeline = tiny_sd3()
    adapter, text, noise, timestep = _call(lambda: pipeline, (64, 64))
    ran: list[str] = []
    for name, module in pipeline.transformer.named_modules():
        if any(part in name for part in ("context", "add_")):
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    surroundings, layout = Surroundings(), BatchLayout.of([1], guided=False)
    surroundings.begin(layout, None)
    adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))
    assert ran
    ran.clear()
    surroundings.begin(layout, _region(adapter, (64, 64))[0])
    adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))
    assert ran == ["context_embedder"]  # which gives nothing


@FAMILIES
@pytest.mark.parametrize(
    "options",
    [
        {"edit": "replace"},
        {"edit": "replace", "text_mass": "source"},
        {"edit": "refine", "equalizer": {"cat": 3.0}},
        {"edit": "replace", "self_replace_steps": 1.0},
        {"edit": "replace", "cross_replace_steps": 0.0, "self_replace_steps": 1.0},
    ],
)
def test_an_edit_acts_in_a_region_as_in_the_whole(pipeline, size, options):
    adapter = Editor.from_pipeline(pipeline())._adapter
    options = {"cross_replace_steps": 1.0, "self_replace_steps": 0.0, **options}
    settings = GenerationSettings(PROMPT, "", 5, 4, 1.0, *size)
    tape = SourceTape(1 << 30, 256)
    kept = run_source(adapter, settings, tape)
    edit = EditSettings.of(TARGET, **options)
    step = plan(adapter, settings, edit, 4).edit.at(1)
    assert step.acts
    layout, surroundings = BatchLayout.of([1], guided=False), Surroundings()
    region, _ = _region(adapter, size)
    given = kept.latents[1], adapter.solver(4, *size).timesteps[1], adapter.encode(TARGET)
    surroundings.begin(layout, None)
    whole, count = adapter.predict(*given, StepControl(1, layout, step, tape), 1.0, RegionCall(surroundings))
    surroundings.begin(layout, region)
    control = StepControl(1, layout, step, RegionTape(tape, region))
    alone, as_many = adapter.predict(*given, control, 1.0, RegionCall(surroundings))
    assert (alone - whole).abs().max() < 1e-5
    assert count == as_many > 0
    plain, _ = adapter.predict(*given, None)
    assert (plain - whole).abs().max() > 1e-4


def test_rows_that_are_left_out_later_are_read_where_they_were():
    adapter = Editor.from_pipeline(tiny_sd3())._adapter
    two = adapter.noise(1, *SIZE).repeat(2, 1, 1, 1) * torch.tensor([1.0, 0.5]).reshape(2, 1, 1, 1)
    text, timestep = adapter.encode(PROMPT), adapter.solver(4, *SIZE).timesteps[1]
    surroundings = Surroundings()
    surroundings.begin(BatchLayout.of([1], guided=True), None)
    whole, _ = adapter.predict(two, timestep, text.cat([text, text]), None, 1.0, RegionCall(surroundings))
    surroundings.begin(BatchLayout.of([1], guided=False), _region(adapter, SIZE)[0])
    alone, _ = adapter.predict(two[1:], timestep, text, None, 1.0, RegionCall(surroundings))
    assert (alone - whole[1:]).abs().max() < 1e-5


def test_every_step_whole_is_the_exact_edit(editor, source):
    exact = editor.edit(source, TARGET, local_blend=CORNER)
    every = editor.edit(source, TARGET, local_blend=CORNER, fast=Shortcuts(region_interval=1, region_halo=0))
    assert torch.equal(every.latents, exact.latents)


def test_steps_before_the_region_is_known_are_whole(editor, source):
    exact = editor.edit(source, TARGET, local_blend=CORNER)
    fast = editor.edit(source, TARGET, local_blend=CORNER, fast=Shortcuts(region_interval=3))
    # A blend begins with the third of ten steps; the region is computed alone from the next one on.
    assert all(torch.equal(fast.way[step], exact.way[step]) for step in range(4))
    assert not torch.equal(fast.way[4], exact.way[4])
    outside = ~fast.blend_masks[-1]
    assert torch.equal(fast.latents[0][:, outside], source.latents[0][:, outside])
    assert (fast.latents - exact.latents).abs().max() < 0.1 * (exact.latents - source.latents).abs().max()
    # Of the seven steps left, each third one is whole.
    assert fast.record.acted[0][-2] == "the region alone at 5 of 10 steps"


def test_a_mask_is_a_region_before_its_blend_begins(editor, source):
    late = replace(CORNER, start_blend=0.6)
    exact = editor.edit(source, TARGET, local_blend=late)
    usual = Shortcuts(region_interval=3)
    fast = editor.edit(source, TARGET, local_blend=late, fast=replace(usual, early_interval=2))
    # Whole are the even ones of the first six of ten steps, the seventh, with which the blend begins, and the tenth.
    assert fast.record.acted[0][-2] == "the region alone at 5 of 10 steps"
    assert torch.equal(fast.way[1], exact.way[1])
    held = torch.ones(16, 24, dtype=torch.bool)
    held[:6, :6] = False  # the mask, its halo of a cell, and what is left of a position
    for step in (2, 4, 6):
        assert torch.equal(fast.way[step][0][:, held], source.kept.latents[step][0][:, held])
        assert (fast.way[step] - exact.way[step])[0][:, ~held].abs().max() > 0
    assert not torch.equal(fast.way[3][0][:, held], source.kept.latents[3][0][:, held])
    assert (fast.latents - exact.latents).abs().max() < 0.2 * (exact.latents - source.latents).abs().max()
    again = editor.replay(RunRecord.from_json(fast.record.to_json()))
    assert torch.equal(again[0].latents, fast.latents)
    plain = editor.edit(source, TARGET, local_blend=late, fast=usual)
    assert all(torch.equal(plain.way[step], exact.way[step]) for step in range(8))


def test_words_are_looked_for_before_a_mask_is_narrowed_to_them(editor, source):
    mask = replace(CORNER, words=("apple",), threshold=0.0)
    fast = Shortcuts(region_interval=20, early_interval=20)
    edited = editor.edit(source, TARGET, local_blend=mask, fast=fast)
    assert edited.record.acted[0][-2] == "the region alone at 8 of 10 steps"  # not the first, and not the third
    assert not (edited.blend_masks & ~CORNER.mask.to_tensor()).any()


def test_nothing_is_kept_where_the_next_step_is_whole(editor, source):
    def kept(blend, **intervals):
        edit = EditSettings.of(TARGET, local_blend=blend, fast=Shortcuts(region_interval=3, **intervals))
        adapter, settings = editor._adapter, editor.generation_settings(PROMPT, **RUN)
        blends = plan(adapter, settings, edit, 10).blenders(adapter, settings)
        steps = RegionSteps(adapter, adapter.latent_size(*SIZE), edit.fast, blends, [1])
        return [steps.step(step, BatchLayout.of([1], guided=True), None, None) is not None for step in range(4)]

    assert kept(CORNER) == kept(LocalBlend("apple"), early_interval=2) == [False, False, True, True]
    assert kept(CORNER, early_interval=2) == [True] * 4


def test_a_larger_halo_computes_more(editor, source):
    made = [
        editor.edit(source, TARGET, local_blend=CORNER, fast=Shortcuts(region_interval=3, region_halo=halo)).latents
        for halo in (0, 4)
    ]
    assert not torch.equal(*made)


def test_what_needs_the_whole_picture_has_it(editor, source):
    fast = Shortcuts(region_interval=3)
    for options in (
        {"resize": 0.5, "local_blend": CORNER},  # queries take the source's map from elsewhere
        {},  # a target without a region
        {"local_blend": CORNER, "capture": MapsRequest("cat")},  # each step is looked at
    ):
        exact = editor.edit(source, TARGET, **options)
        assert torch.equal(editor.edit(source, TARGET, **options, fast=fast).latents, exact.latents)


def test_it_is_recorded_and_replayed(editor, source):
    fast = Shortcuts((0.0, 0.6), 0.2, 2, 3, 1, 1, 2)
    result = editor.edit(source, [TARGET, "a dog eating an orange"], local_blend=CORNER, fast=fast)
    record = RunRecord.from_json(result[0].record.to_json())
    assert record.edit.fast == fast
    again = editor.replay(record)
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(again, result, strict=True))
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, source.latents)


@FAMILIES
def test_deep_features_of_a_region_are_what_it_computes(pipeline, size):
    """What is taken instead is what would have been computed, and follows the latents."""
    adapter, text, noise, timestep = _call(pipeline, size)
    layout = BatchLayout.of([1], guided=False)
    region, inside = _region(adapter, size)
    surroundings, deep = Surroundings(), DeepFeatures()

    def alone(latents, reuse):
        surroundings.begin(layout, region)
        return adapter.predict(latents, timestep, text, None, 1.0, RegionCall(surroundings, reuse))[0]

    surroundings.begin(layout, None)
    whole, _ = adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))
    plain = alone(noise + 0.1, None)
    deep.begin(layout, reuses=False)
    assert torch.equal(alone(noise + 0.1, deep), plain)
    deep.begin(layout, reuses=True)
    assert (alone(noise + 0.1, deep) - plain).abs().max() < 1e-5
    moved = alone(noise, deep)
    assert (moved - plain)[..., inside].abs().min() > 0
    assert torch.equal(moved[..., ~inside], whole[..., ~inside])
    assert torch.equal(adapter.predict(noise, timestep, text, None)[0], whole)


def test_a_region_reuses_deep_features_once_no_edit_acts(editor, source):
    fast = Shortcuts(region_interval=5)
    deep = replace(fast, region_cache_interval=3)
    whole, early = {"cross_replace_steps": 1.0}, {"cross_replace_steps": 0.5, "self_replace_steps": 0.0}
    for windows, same in ((whole, True), (early, False)):
        one, two = (editor.edit(source, TARGET, local_blend=CORNER, **windows, fast=each) for each in (fast, deep))
        assert torch.equal(one.latents, two.latents) is same
        assert all(torch.equal(one.way[step], two.way[step]) for step in range(6))  # nothing acts from the sixth on
    exact = editor.edit(source, TARGET, local_blend=CORNER, **early)
    assert (two.latents - exact.latents).abs().max() < 0.1 * (exact.latents - source.latents).abs().max()
