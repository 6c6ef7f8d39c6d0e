"""Local blend end to end: the published one with its maps formed; outside of its mask, the source to the bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageFilter
from torch import Tensor

from helpers.loaded import load_model
from helpers.rounding import assert_same_latents
from wordbrush.attention.tape import SourceTape
from wordbrush.editor import Editor
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import ControlError, OutputError, PromptError, SettingsError
from wordbrush.models.folder import bundled_folder
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.pictures.masks import mask_picture
from wordbrush.runs.run import run_edit, run_source, run_together
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text import Text
from wordbrush.scenes.judge.judge import Judge
from wordbrush_bench.speed.materialised import PublishedBlend, plan_published, published_edit

STEPS, SEED, GUIDANCE = 5, 3, 5.0
SOURCE, CAT, ORANGE = "a dog eating an apple", "a cat eating an apple", "a dog eating an orange"
RUN = {"seed": 5, "num_inference_steps": 5, "guidance_scale": 5.0}
NOWHERE = 0.9999
"""A threshold above all values of an outlined map, whose highest value is spread over its neighbours."""
SHARP = 0.7
"""A threshold at which the random maps of the tiny model have a region that is a part of the picture."""


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def models(tiny_folder) -> dict[str, tuple[StableDiffusion, StableDiffusionPipeline]]:
    def both(folder) -> tuple[StableDiffusion, StableDiffusionPipeline]:
        # In double precision, so that no value is at a threshold on one side and beyond it on the other.
        pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float64, local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
        return StableDiffusion(*parts, pipeline.scheduler.config), pipeline

    return {"tiny": both(tiny_folder), "bundled": both(bundled_folder())}


def asked(targets: list[str], blend: LocalBlend | None, kind: str = "auto", **options) -> EditSettings:
    return EditSettings.of(
        targets, edit=kind, cross_replace_steps=0.6, self_replace_steps=0.5, local_blend=blend, **options
    )


def generation(adapter: StableDiffusion, cells: tuple[int, int]) -> GenerationSettings:
    height, width = (side * adapter.vae_factor for side in cells)
    return GenerationSettings(SOURCE, "", SEED, STEPS, GUIDANCE, height, width)


CASES = {
    "replace": ("replace", [CAT], [["dog"], ["cat"]], {}, {}),
    "several targets": ("replace", [CAT, ORANGE, CAT], [["dog"], ["cat"], ["orange"], ["cat", "eating"]], {}, {}),
    "refine": ("refine", ["a big dog eating an apple"], [["dog"], ["big", "dog"]], {}, {}),
    "reweight": ("reweight", [SOURCE], [["apple"], ["apple"]], {"equalizer": {"apple": 3.0}}, {}),
    "subtracted": ("replace", [CAT], [["dog"], ["cat"]], {}, {"subtract": [["apple"], ["apple"]]}),
    "from the first step": ("replace", [CAT], [["dog"], ["cat"]], {}, {"start": 0.0}),
    "in the last step": ("replace", [CAT], [["dog"], ["cat"]], {}, {"start": 0.9}),
    "words of several tokens": ("replace", ["a zebu eating an apple"], [["apple"], ["zebu"]], {}, {}),
    "words of the target only": ("replace", [CAT], [[], ["cat"]], {}, {}),
}


@pytest.mark.parametrize(
    ("case", "model", "cells", "maps"),
    [
        *((case, "tiny", (16, 16), "edited") for case in CASES),
        ("replace", "tiny", (16, 16), "own"),
        ("several targets", "tiny", (16, 24), "edited"),
        ("subtracted", "tiny", (24, 16), "own"),
        ("replace", "bundled", (16, 16), "edited"),
        ("subtracted", "bundled", (16, 24), "own"),
    ],
)
def test_published_local_blend(models, case, model, cells, maps):
    adapter, pipeline = models[model]
    kind, targets, words, options, how = CASES[case]
    source = "a kudu eating an apple" if "several tokens" in case else SOURCE
    prompts = [source, *targets]
    settings = replace(generation(adapter, cells), prompt=source)
    noise = adapter.noise(SEED, settings.height, settings.width)
    published = plan_published(
        pipeline.tokenizer,
        prompts,
        kind,
        num_steps=STEPS,
        cross_replace_steps=0.6,
        self_replace_steps=0.5,
        **options,
    ).to(adapter.device, adapter.dtype)
    threshold = SHARP if model == "tiny" else 0.4
    oracle = PublishedBlend(
        pipeline.tokenizer,
        prompts,
        words,
        (cells[0] // 2, cells[1] // 2),
        start=int(how.get("start", 0.2) * STEPS),
        subtract=how.get("subtract"),
        thresholds=(threshold, 0.8),
        own=maps == "own",
    )
    expected = published_edit(
        pipeline, prompts, published, num_steps=STEPS, guidance_scale=GUIDANCE, noise=noise, blend=oracle
    )
    blend = LocalBlend(
        source_words=tuple(words[0]),
        target_words=tuple(map(tuple, words[1:])),
        subtract_words=tuple(how.get("subtract", [[]])[0]),
        threshold=threshold,
        subtract_threshold=0.8,
        start_blend=how.get("start", 0.2),
        maps=maps,
    )
    edit = asked(targets, blend, "auto" if kind == "reweight" else kind, **options)
    kept, run = run_together(adapter, settings, edit)
    # Where the published one has 0 / 0, a prompt without words, its region is empty as well.
    masks = torch.stack(run.blend_masks)
    assert torch.equal(masks, torch.stack(oracle.masks, dim=1))
    assert_same_latents(torch.cat([kept.latents[-1], run.latents]), expected)
    assert masks.any()


def test_everything_but_a_word_is_the_rest_of_its_region(models):
    adapter, _ = models["bundled"]
    settings = generation(adapter, (16, 16))
    word = LocalBlend("apple", threshold=0.5, pool=1)
    rest = LocalBlend((), subtract_words="apple", subtract_threshold=0.5)
    masks = [run_together(adapter, settings, asked([CAT], blend))[1].blend_masks for blend in (word, rest)]
    # Later steps see other latents, so that their maps differ.
    first = [torch.stack(own)[0, 0] for own in masks]
    assert torch.equal(first[0], ~first[1])
    assert 0 < first[0].sum() < first[0].numel()


@pytest.mark.parametrize("kept", [False, True], ids=["together", "later edit"])
@pytest.mark.parametrize(
    ("model", "cells", "guidance_scale"),
    [
        ("tiny", (16, 16), 5.0),
        ("tiny", (16, 16), 1.0),
        ("tiny", (24, 16), 5.0),
        ("tiny", (18, 26), 5.0),
        ("bundled", (16, 16), 5.0),
    ],
)
def test_latents_outside_of_the_mask_are_the_sources_to_the_bit(
    models, tiny_folder, model, cells, guidance_scale, kept
):
    adapter, _ = load_model(tiny_folder if model == "tiny" else None, "cpu", None)
    settings = replace(generation(adapter, cells), guidance_scale=guidance_scale)
    edit = asked([CAT, ORANGE], LocalBlend(threshold=SHARP if model == "tiny" else 0.4))
    if kept:
        source = run_source(adapter, settings, SourceTape(1 << 30, 256))
        run = run_edit(adapter, settings, edit, source)
    else:
        source, run = run_together(adapter, settings, edit)
    for latents, masks in zip(run.latents, run.blend_masks, strict=True):
        apart = (latents - source.latents[-1][0]).abs()
        assert masks.shape == (STEPS - 1, *cells)
        assert torch.equal(apart[:, ~masks[-1]], torch.zeros_like(apart[:, ~masks[-1]]))
        assert (apart.amax(0)[masks[-1]] > 0).all()
    assert any((~masks).any() for masks in run.blend_masks)


def test_what_hardly_differs_is_the_sources_too(models):
    """The first mask that is blended is cut from the same region by the differences so far, and then holds."""
    adapter, _ = models["bundled"]
    settings, loose = generation(adapter, (16, 16)), LocalBlend(threshold=0.1, start_blend=0.5)
    source, whole = run_together(adapter, settings, asked([CAT], loose))
    _, cut = run_together(adapter, settings, asked([CAT], replace(loose, least_difference=0.8)))
    assert bool((cut.blend_masks[0][0] <= whole.blend_masks[0][0]).all())
    assert 0 < cut.blend_masks[0][0].sum() < whole.blend_masks[0][0].sum()
    held = ~cut.blend_masks[0][-1]
    assert torch.equal(cut.latents[0][:, held], source.latents[-1][0][:, held])


FILL = LocalBlend(threshold=SHARP, fill_steps=0.6)


def box(*cells: slice) -> LatentMask:
    mask_hw = torch.zeros(16, 16, dtype=torch.bool)
    mask_hw[cells] = True
    return LatentMask.of(mask_hw)


def test_a_filled_region_is_its_nearest_surroundings_until_it_is_left_to_the_target(models):
    adapter, _ = models["tiny"]
    settings, mask = generation(adapter, (16, 16)), box(slice(4, 9), slice(6, 10))
    always = LocalBlend(words=(), mask=mask, fill_steps=1.0)
    source, filled = run_together(adapter, settings, asked([CAT, ORANGE], always))
    finished = source.latents[-1][0]
    for latents in filled.latents:
        torch.testing.assert_close(latents[:, 4:9, 6:8], finished[:, 4:9, 5:6].expand(-1, -1, 2), atol=0.05, rtol=0)
        torch.testing.assert_close(latents[:, 4:9, 8:10], finished[:, 4:9, 10:11].expand(-1, -1, 2), atol=0.05, rtol=0)
    _, left = run_together(adapter, settings, asked([CAT, ORANGE], replace(always, fill_steps=0.6)))
    _, never = run_together(adapter, settings, asked([CAT, ORANGE], replace(always, fill_steps=0.0)))
    region = mask.to_tensor()
    for some, all_of_it, none in zip(left.latents, filled.latents, never.latents, strict=True):
        assert torch.equal(some[:, ~region], finished[:, ~region])
        assert (some != all_of_it)[:, region].all()
        assert (some != none)[:, region].all()


def test_a_mask_is_filled_from_around_it_beside_words_that_are_subtracted_too(models):
    adapter, _ = models["tiny"]
    settings, mask = generation(adapter, (16, 16)), box(slice(4, 9), slice(6, 10))
    blend = LocalBlend(words=(), subtract_words="dog", subtract_threshold=0.99, mask=mask, fill_steps=1.0)
    source, run = run_together(adapter, settings, asked([CAT], replace(blend, pool=1)))
    region, finished = run.blend_masks[0][-1], source.latents[-1][0]
    assert region.any()
    apart = (run.latents[0] - finished).abs().amax(0)
    assert (apart[region] > 0.1).all(), "no cell of the region is the source's own"


def test_nothing_of_a_thing_fills_the_place_of_another(models):
    """The nearest cells would be those of the words that are subtracted; they give nothing."""
    adapter, _ = models["bundled"]
    blend = LocalBlend("apple", subtract_words=("dog",), maps="own", spread=True, subtract_threshold=0.5)
    edit = asked(["a dog"], replace(blend, fill_steps=1.0))
    source, run = run_together(adapter, generation(adapter, (16, 16)), edit)
    finished, region = source.latents[-1][0].flatten(1), run.blend_masks[0][-1]
    given = torch.cdist(run.latents[0][:, region].T, finished.T)
    assert 0 < region.sum() < region.numel() / 2
    assert float(given.amin(1).max()) < 0.05, "each cell is one of the surroundings"
    # The judge's cells are those of the latents.
    seen = Judge.load().all([adapter.decode(source.latents[-1])])[0]
    things = torch.from_numpy(seen.where("dog") | seen.where("apple")).flatten()
    assert not things[given.argmin(1)].any()


def test_a_place_that_another_thing_covers_is_filled_all_the_same(editor):
    source = editor.generate(SOURCE, **RUN)
    covered = LocalBlend(subtract_words=("dog", "apple"), subtract_threshold=0.0, fill_steps=0.6)
    assert editor.edit(source, "a dog eating", local_blend=covered).blend_masks[-1].any()


def test_a_thing_with_a_region_of_its_own_has_it_also_where_others_are_subtracted(editor):
    source = editor.generate(SOURCE, **RUN)
    covered = LocalBlend(subtract_words=("dog", "apple"), subtract_threshold=0.0, apart=True)
    assert editor.edit(source, "a cat eating an apple", local_blend=covered).blend_masks[-1].any()
    with pytest.raises(ControlError, match="completely covered"):
        editor.edit(source, "a cat eating an apple", local_blend=replace(covered, apart=False))


def test_beside_a_region_of_its_own_others_keep_what_they_are_looked_at_more(models):
    adapter, _ = models["bundled"]
    settings = replace(generation(adapter, (16, 16)), seed=22)
    words = LocalBlend(maps="own", spread=True, subtract_words="apple", subtract_threshold=0.1)
    free, together, apart = (
        run_together(adapter, settings, asked([CAT], blend))[1].blend_masks[0][-1]
        for blend in (replace(words, subtract_words=()), words, replace(words, apart=True))
    )
    assert together.sum() < apart.sum() < free.sum(), "more of the own place is left to what changes"


def test_a_thing_in_another_size_is_shown_until_it_is_left_to_the_target(models):
    """To the end: the latents of the source's picture in which it has that size, wherever it is or was."""
    adapter, _ = models["bundled"]
    settings = generation(adapter, (16, 16))
    to_the_end = LocalBlend("dog", subtract_words=("apple",), maps="own", spread=True, fill_steps=1.0, fill_scale=1.5)
    source, shown = run_together(adapter, settings, asked(["a big dog eating an apple", ORANGE], to_the_end))
    finished = source.latents[-1]
    for latents, region in zip(shown.latents, (masks[-1] for masks in shown.blend_masks), strict=True):
        assert 0 < region.float().mean() < 1
        assert torch.equal(latents[:, ~region], finished[0][:, ~region])
    first, second = shown.latents
    both = shown.blend_masks[0][-1] & shown.blend_masks[1][-1]
    torch.testing.assert_close(first[:, both], second[:, both], atol=0.05, rtol=0)
    assert ((first - finished[0]).abs().amax(0) > 0.1)[both].float().mean() > 0.5
    _, left = run_together(
        adapter, settings, asked(["a big dog eating an apple"], replace(to_the_end, fill_steps=0.6))
    )
    assert (left.latents[0] != first)[:, left.blend_masks[0][-1]].all()


def test_a_thing_in_another_size_stays_inside_of_a_mask(models):
    adapter, _ = models["bundled"]
    mask = box(slice(4, 9), slice(6, 10))
    blend = LocalBlend("dog", spread=True, fill_steps=0.6, fill_scale=2.0, mask=mask)
    source, run = run_together(adapter, generation(adapter, (16, 16)), asked([CAT], blend))
    outside = ~mask.to_tensor()
    assert torch.equal(run.latents[0][:, outside], source.latents[-1][0][:, outside])


OUTLINED = LocalBlend("apple", maps="own", spread=True, threshold=0.15, outlined=True, hold_pixels=True)
PARTED = replace(OUTLINED, parted=0.5)


def test_a_region_ends_at_the_outlines_of_the_sources_thing(models):
    """Closer than the map alone, without a part of the thing left out."""
    adapter, _ = models["bundled"]
    settings = replace(generation(adapter, (16, 16)), seed=22)
    edit = asked(["a dog eating a green apple"], OUTLINED)
    source, run = run_together(adapter, settings, edit)
    by_map = asked(["a dog eating a green apple"], replace(OUTLINED, outlined=False))
    _, coarse = run_together(adapter, settings, by_map)
    shown = torch.from_numpy(Judge.load().all([adapter.decode(source.latents[-1])])[0].where("apple"))
    found, wide = run.blend_masks[0][-1], coarse.blend_masks[0][-1]
    assert shown.any()
    assert (found & shown).sum() / shown.sum() > 0.9
    assert (found & ~shown).sum() < 0.9 * (wide & ~shown).sum()
    assert run.shown == (None,), "a region that is grown has room for another shape"


@pytest.mark.parametrize("blend", [OUTLINED, PARTED], ids=["outlined", "parted"])
def test_what_keeps_its_shape_shows_within_its_outline_alone(blend):
    editor = Editor.from_pretrained()
    source = editor.generate("a dog eating an apple", seed=22)
    within = editor.edit(source, "a dog eating a green apple", local_blend=replace(blend, pool=1))
    wider = editor.edit(source, "a dog eating a green apple", local_blend=blend)
    apart, further = (
        (np.abs(np.asarray(made.image, int) - np.asarray(source.image, int)).max(axis=2) > 8).sum()
        for made in (within, wider)
    )
    assert 0 < apart < 0.8 * further, "cells at its edge show the source beside it"
    assert torch.equal(editor.replay(within.record)[0].latents, within.latents)


@pytest.mark.parametrize("part", [0.0, 0.5], ids=["outlined", "parted"])
def test_what_stays_keeps_its_own_pixels_to_its_outline(part):
    editor = Editor.from_pretrained()
    source = editor.generate("a dog on the beach", seed=22)
    words = LocalBlend((), subtract_words="dog", maps="own", spread=True, subtract_threshold=0.17)
    blend = replace(words, outlined=True, parted=part)
    moved = editor.edit(source, "a dog at night", local_blend=replace(blend, hold_pixels=True))
    dog = torch.from_numpy(Judge.load().all([source.image])[0].where("dog"))
    inner = -torch.nn.functional.max_pool2d(-dog[None].float(), 3, stride=1, padding=1)[0] > 0  # no cell at its edge
    inside = np.asarray(mask_picture(inner, source.image.size)) > 0
    apart = np.abs(np.asarray(moved.image, int) - np.asarray(source.image, int)).max(axis=2)
    assert inside.sum() > 200
    assert apart[inside].max() == 0
    assert np.median(apart[~(np.asarray(mask_picture(dog, source.image.size)) > 0)]) > 20


def test_a_region_that_parted_pixels_cover_is_an_error_that_says_so():
    editor = Editor.from_pretrained()
    source = editor.generate("a panda", seed=5)
    words = LocalBlend((), target_words=("happy",), maps="own", spread=True, threshold=0.9, subtract_words="panda")
    with pytest.raises(
        ControlError, match=r"covered by that of 'panda' \(parted 0.4\); lower threshold or raise parted"
    ):
        editor.edit(source, "a happy panda", local_blend=replace(words, outlined=True, parted=0.4))


def test_things_that_seem_to_be_everywhere_hold_nothing(models):
    """An untrained network's maps have no outline. Nothing is subtracted then, and the edit says so."""
    adapter, _ = models["tiny"]
    blend = LocalBlend((), subtract_words="dog", subtract_threshold=0.0, outlined=True)
    _, run = run_together(adapter, generation(adapter, (16, 16)), asked([CAT], blend))
    assert run.blend_masks[0][-1].all()
    assert "lets all of" in run.warnings[0]


def test_of_several_things_each_has_a_region_where_it_is_apart(models):
    """One that is looked at little is not lost beside another."""
    adapter, _ = models["bundled"]
    blend = LocalBlend(maps="own", threshold=0.6, pool=1)
    apart, first, second, together = (
        run_together(
            adapter, generation(adapter, (16, 16)), asked(["a cat eating an orange"], replace(blend, **given))
        )[1].blend_masks[0][0]
        for given in (
            {"apart": True},
            {"source_words": "dog", "target_words": ("cat",)},
            {"source_words": "apple", "target_words": ("orange",)},
            {},
        )
    )
    assert torch.equal(apart, first | second)
    assert not torch.equal(apart, together)


def test_another_number_is_shown_until_it_is_left_to_the_target(models):
    """To the end: only where one goes, and there the ground; all else of the things is the source's."""
    adapter, _ = models["bundled"]
    settings = replace(generation(adapter, (16, 16)), prompt="two bananas on the street")
    blend = LocalBlend(("bananas", "banana"), maps="own", spread=True, threshold=0.15, outlined=True)
    shown = asked(["a banana on the street"], replace(blend, fill_steps=1.0, fill_counts=(2, 1)))
    source, run = run_together(adapter, settings, shown)
    finished, region = source.latents[-1][0], run.blend_masks[0][-1]
    assert 0 < region.float().mean() < 0.4
    assert torch.equal(run.latents[0][:, ~region], finished[:, ~region])
    assert ((run.latents[0] - finished).abs().amax(0) > 0.1)[region].float().mean() > 0.8
    _, words = run_together(adapter, settings, asked(["a banana on the street"], blend))
    assert region.sum() < words.blend_masks[0][-1].sum()


@pytest.mark.parametrize(
    "drawn", [{"fill_relation": "on", "subtract_words": "apple"}, {"fill_counts": (6, 5)}, {"fill_colour": (0, 0, 0)}]
)
def test_a_thing_that_is_not_found_is_left_to_the_target(models, drawn):
    """As if it were not to be drawn at all, from the first step on."""
    adapter, _ = models["tiny"]
    blend = LocalBlend(("dog", "cat"), threshold=NOWHERE, maps="own", outlined=True, fill_steps=1.0, **drawn)
    _, run = run_together(adapter, generation(adapter, (16, 16)), asked([CAT], blend))
    undrawn = replace(blend, fill_steps=0.0, fill_counts=None, fill_relation=None, fill_colour=None)
    _, left = run_together(adapter, generation(adapter, (16, 16)), asked([CAT], undrawn))
    assert run.blend_masks[0][-1].any()
    assert torch.equal(run.latents, left.latents)


def test_a_thing_is_moved_to_where_it_is_to_stand():
    editor, judge = Editor.from_pretrained(), Judge.load()
    source = editor.generate("a bear next to a hat", seed=1)
    assert all(judge(source.image).shows(noun) for noun in ("bear", "hat"))
    worn = editor.edit(source, "a bear wearing a hat")
    held = ~worn.blend_masks[-1]
    assert 0.3 < held.float().mean() < 0.9
    assert torch.equal(worn.latents[0][:, held], source.latents[0][:, held])
    seen = judge(worn.image)
    bear, hat = (np.argwhere(seen.where(noun)).mean(axis=0) for noun in ("bear", "hat"))
    assert hat[0] < bear[0] - 3, "above it"
    assert abs(hat[1] - bear[1]) < 2, "and over its middle"
    assert torch.equal(editor.replay(worn.record)[0].latents, worn.latents)


def test_every_step_from_the_first_blended_one_is_the_sources_outside(models, monkeypatch):
    """Also in between: what the model sees at the next step, and what a run that ended there would give."""
    adapter, _ = models["tiny"]
    seen: list[Tensor] = []
    predict = StableDiffusion.predict

    def watching(self, latents, *rest):
        seen.append(latents)
        return predict(self, latents, *rest)

    monkeypatch.setattr(StableDiffusion, "predict", watching)
    edit = asked([CAT], LocalBlend(threshold=SHARP, start_blend=0.5))
    _, run = run_together(adapter, generation(adapter, (16, 16)), edit)
    assert len(run.blend_masks[0]) == STEPS - 2
    for step in (1, 2):
        assert (seen[step][0] != seen[step][1]).all(), "not yet"
    for step, mask in zip((3, 4), run.blend_masks[0], strict=False):
        source, target = seen[step][:2]
        assert torch.equal((source == target).all(0), ~mask)


def test_each_target_blends_with_the_source_alone(models):
    adapter, _ = models["tiny"]
    settings = generation(adapter, (16, 16))
    blend = LocalBlend(threshold=SHARP)
    _, both = run_together(adapter, settings, asked([CAT, ORANGE], blend))
    for index, target in enumerate([CAT, ORANGE]):
        _, alone = run_together(adapter, settings, asked([target], blend))
        assert torch.equal(both.blend_masks[index], alone.blend_masks[0])
        assert_same_latents(both.latents[index], alone.latents[0])
    assert not torch.equal(both.blend_masks[0], both.blend_masks[1])


@pytest.mark.parametrize(
    ("keep_bytes", "guidance_scale", "blend"),
    [
        (0, 5.0, LocalBlend(threshold=SHARP)),
        (300_000, 5.0, LocalBlend(threshold=SHARP)),
        (1 << 30, 5.0, LocalBlend(threshold=SHARP)),
        (300_000, 1.0, LocalBlend(threshold=SHARP, maps="own")),
        (1 << 30, 1.0, LocalBlend(threshold=SHARP)),
        (300_000, 5.0, FILL),
        (0, 1.0, FILL),
        (300_000, 5.0, LocalBlend("dog", spread=True, outlined=True)),
    ],
)
def test_an_edit_of_a_kept_source_is_the_one_beside_it(models, keep_bytes, guidance_scale, blend):
    adapter, _ = models["tiny"]
    settings = replace(generation(adapter, (16, 16)), guidance_scale=guidance_scale)
    edit = asked([CAT, "a dog in autumn"], blend)
    _, together = run_together(adapter, settings, edit)
    kept = run_source(adapter, settings, SourceTape(keep_bytes, 256) if keep_bytes else None)
    later = run_edit(adapter, settings, edit, kept)
    assert torch.equal(torch.stack(later.blend_masks), torch.stack(together.blend_masks))
    assert_same_latents(later.latents, together.latents)


def test_a_blend_of_the_whole_picture_is_the_plain_edit_and_says_so(editor):
    source = editor.generate(SOURCE, **RUN)
    plain = editor.edit(source, CAT)
    whole = editor.edit(source, CAT, local_blend=LocalBlend(threshold=0.0))
    assert torch.equal(whole.latents, plain.latents)
    assert whole.record.warnings == (f"the blend lets all of '{CAT}' change; raise its threshold to hold more still",)
    assert whole.record.acted == (("'dog' -> 'cat'", "only where 'dog' or 'cat' is, 100% of the picture"),)
    assert plain.record.warnings == ()
    assert plain.blend_masks is None
    assert plain.blend_mask is None


def test_edited_and_own_maps_have_other_masks(models):
    """Replacement gives the new word the old one's map: the published masks are the source's, and own ones are not."""
    adapter, _ = models["bundled"]
    settings = generation(adapter, (16, 16))
    masks = {}
    for maps in ("edited", "own"):
        edit = asked([CAT], LocalBlend(threshold=0.4, maps=maps, start_blend=0.0))
        masks[maps] = run_together(adapter, settings, edit)[1].blend_masks[0]
    source = asked([CAT], LocalBlend(words=(), source_words=("dog",), threshold=0.4, start_blend=0.0))
    sources = run_together(adapter, settings, source)[1].blend_masks[0]
    assert torch.equal(masks["edited"][0], sources[0])
    assert (masks["own"][0] & ~masks["edited"][0]).any()


def test_a_users_mask_alone_and_with_words(editor):
    source = editor.generate(SOURCE, **RUN)
    words = editor.edit(source, CAT, local_blend=LocalBlend(threshold=SHARP)).blend_masks[-1]
    half = Image.new("L", (64, 64))
    half.paste(255, (0, 0, 32, 64))
    alone = editor.edit(source, CAT, mask=half)
    both = editor.edit(source, CAT, local_blend=LocalBlend(threshold=SHARP), mask=half)
    left = torch.zeros(16, 16, dtype=torch.bool)
    left[:, :8] = True
    assert torch.equal(alone.blend_masks[-1], left)
    assert (both.blend_masks[-1] & ~left).sum() == 0
    assert both.blend_masks[-1].any()
    assert not torch.equal(both.blend_masks[-1], left)
    assert (words & ~left).any()
    assert alone.record.acted[0][-1] == "only inside of the mask, 50% of the picture"
    assert both.record.acted[0][-1].startswith("only where 'dog' or 'cat' is and inside of the mask, ")
    for result in (alone, both):
        assert torch.equal(
            (result.latents != source.latents).any(dim=1)[0] | result.blend_masks[-1], result.blend_masks[-1]
        )


def test_masks_are_pictures_that_can_be_given_again(editor):
    source = editor.generate(SOURCE, **RUN)
    first = editor.edit(source, CAT, local_blend=LocalBlend(threshold=SHARP, start_blend=0.0))
    assert first.blend_mask.size == first.image.size
    assert first.blend_mask.mode == "L"
    again = editor.edit(source, CAT, mask=first.blend_mask)
    assert torch.equal(again.blend_masks[-1], first.blend_masks[-1])


def test_held_pixels_are_the_sources(editor):
    source = editor.generate(SOURCE, **RUN)
    blend = LocalBlend(threshold=SHARP)
    decoded = editor.edit(source, CAT, local_blend=blend)
    held = editor.edit(source, CAT, local_blend=replace(blend, hold_pixels=True))
    assert torch.equal(held.latents, decoded.latents)
    cell = source.image.width // held.blend_masks.shape[-1]
    region = np.asarray(held.blend_mask.filter(ImageFilter.MaxFilter(2 * (cell // 2 + 1) + 1)))
    outside = torch.from_numpy(region == 0).flatten()
    pixels = {
        name: torch.tensor(list(r.image.get_flattened_data()))
        for name, r in (("s", source), ("d", decoded), ("h", held))
    }
    assert torch.equal(pixels["h"][outside], pixels["s"][outside])
    assert not torch.equal(pixels["d"][outside], pixels["s"][outside]), "or there would be nothing to hold"
    inside = torch.from_numpy(np.asarray(held.blend_mask) > 0).flatten()
    assert torch.equal(pixels["h"][inside], pixels["d"][inside]), "inside, the edit shows"


@pytest.mark.parametrize(
    "blend",
    [
        {"local_blend": "auto"},
        {"local_blend": ["dog", "cat"]},
        {
            "local_blend": LocalBlend(
                source_words=("dog",),
                target_words=(("cat", "apple"),),
                subtract_words=("eating",),
                subtract_threshold=0.9,
                pool=1,
                start_blend=0.5,
                maps="own",
                hold_pixels=True,
            )
        },
        {"local_blend": "cat", "mask": Image.new("1", (32, 32), 1)},
        {"local_blend": FILL},
    ],
)
def test_replay_gives_the_same_pixels_and_masks(editor, blend):
    source = editor.generate(SOURCE, **RUN)
    for made in (editor.edit(source, CAT, **blend), editor.generate_and_edit(SOURCE, CAT, **RUN, **blend)):
        assert set(made.record.image_sha256) == {"source", "edited", "edited-mask"}
        again = editor.replay(type(made.record).from_json(made.record.to_json()))[0]
        assert again.record == made.record
        assert again.image.tobytes() == made.image.tobytes()
        assert torch.equal(again.blend_masks, made.blend_masks)


def corner() -> Image.Image:
    """A mask of the one corner cell."""
    image = Image.new("L", (16, 16))
    image.putpixel((0, 0), 255)
    return image


@pytest.mark.parametrize(
    ("blend", "options", "error", "message"),
    [
        ("horse", {}, PromptError, "blend word 'horse' is in none of the prompts 'a dog eating an apple', 'a cat eat"),
        (
            LocalBlend(source_words=("cat",)),
            {},
            PromptError,
            "word 'cat' is not in the prompt 'a dog eating an apple'",
        ),
        (LocalBlend(target_words=(("dog",),)), {}, PromptError, "word 'dog' is not in the prompt 'a cat eating an"),
        (LocalBlend(target_words=(("cat",), ("cat",))), {}, SettingsError, "2 entries for 1 target prompts"),
        (LocalBlend(subtract_words=("horse",)), {}, PromptError, "blend word 'horse' is in none"),
        (LocalBlend(words=()), {}, SettingsError, "names no word and there is no mask"),
        (
            LocalBlend(subtract_words=("dog", "cat"), subtract_threshold=0.0),
            {},
            ControlError,
            r"target 1 change nowhere: the region of 'dog' and 'cat' \(threshold 0.3\) is completely covered by "
            r"that of 'dog' and 'cat' \(subtract_threshold 0.0\); lower threshold or raise subtract_threshold",
        ),
        (
            LocalBlend(threshold=0.99, pool=1),
            {"mask": corner()},
            ControlError,
            r"the region of 'dog' and 'cat' \(threshold 0.99\) is entirely outside the given mask; lower the",
        ),
        (
            LocalBlend(words=(), target_words=(("cat",),)),
            {"equalizer": {"cat": -1.0}, "cross_replace_steps": 1.0},
            ControlError,
            "the maps of 'cat' are nowhere above zero; name a word whose weight is above zero",
        ),
        (
            LocalBlend(mask=LatentMask(("#.",))),
            {},
            SettingsError,
            "the mask has 1 x 2 cells and the latents 16 x 16; give a mask for this picture",
        ),
    ],
)
def test_what_cannot_act_is_an_error_that_names_it(editor, blend, options, error, message):
    source = editor.generate(SOURCE, **RUN)
    with pytest.raises(error, match=message):
        editor.edit(source, CAT, local_blend=blend, **options)


def test_a_target_without_any_blend_word_is_named(editor):
    source = editor.generate(SOURCE, **RUN)
    with pytest.raises(PromptError, match=f"no blend word is in the source '{SOURCE}' or in the target '{ORANGE}'"):
        editor.edit(source, [CAT, ORANGE], local_blend="cat")


def test_a_weight_below_zero_has_no_region_of_its_own(editor):
    """Divided by a highest value below zero, the published mask would be everything."""
    source = editor.generate(SOURCE, **RUN)
    weighted = {"equalizer": {"apple": -2.0}, "cross_replace_steps": 1.0}
    result = editor.edit(source, SOURCE, local_blend=LocalBlend("apple", threshold=SHARP), **weighted)
    alone = LocalBlend(words=(), source_words=("apple",), threshold=SHARP)
    assert torch.equal(result.blend_masks, editor.edit(source, SOURCE, local_blend=alone, **weighted).blend_masks)
    assert not result.blend_masks[-1].all()


def test_attention_that_is_not_a_number_is_told(editor, monkeypatch):
    source = editor.generate(SOURCE, **RUN)
    encode = StableDiffusion.encode

    def broken(self: StableDiffusion, prompt: str) -> Text:
        text = encode(self, prompt)
        return text.with_states(text.states * (float("nan") if prompt == CAT else 1))

    monkeypatch.setattr(StableDiffusion, "encode", broken)
    with pytest.raises(OutputError, match="not finite"):
        editor.edit(source, CAT, local_blend=LocalBlend(words=(), target_words=(("cat",),)))
