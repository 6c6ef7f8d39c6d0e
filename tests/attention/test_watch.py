"""What a watch is given are the maps, up to the rounding of those formed whole; and watching changes nothing."""

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from torch.nn import functional as F

from helpers.loaded import load_model
from helpers.oracles import FormedMaps, explicit_maps
from helpers.rounding import assert_same, assert_same_maps
from wordbrush.attention.sites import AttentionLayer, Site
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import column_maps
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import ControlError
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.runs.run import run_edit, run_source, run_together
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.speed.materialised import plan_published, published_edit

STEPS, SEED = 4, 3
SOURCE_PROMPT = "a dog eating an apple"
CASES = {
    "replace": ("replace", "a cat eating an apple", {}),
    "refine": ("refine", "a big dog eating an apple", {}),
    "reweight": ("reweight", SOURCE_PROMPT, {"apple": -2.0}),
    "refine, then reweight": ("refine", "a big dog eating an apple", {"big": 3.0, "dog": 2.0}),
}


class Everything:
    """Takes all maps of the first tokens, and of all pixels of the smallest self-attention."""

    def __init__(self, reads="edited", branches=(0, 1), self_max_pixels=0, steps=range(STEPS)) -> None:
        self.reads = reads
        self.branches = branches
        self.self_max_pixels = self_max_pixels
        self.steps = steps
        self.taken: dict[tuple[int, int], list[tuple[Site, Tensor]]] = {}

    def asks(self, step: int, branch: int) -> bool:
        return step in self.steps and branch in self.branches

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        if layer.text:
            return torch.eye(77)[:, :7]
        return torch.eye(layer.pixels) if layer.pixels <= self.self_max_pixels else None

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        self.taken.setdefault((step, branch), []).append((layer.site, maps_HQW))


@pytest.fixture(scope="module")
def model(tiny_folder) -> tuple[StableDiffusion, StableDiffusionPipeline]:
    # In double precision, so that the two runs have the same latents to the last step.
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_folder, dtype=torch.float64, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
    return StableDiffusion(*parts, pipeline.scheduler.config), pipeline


def settings(size: tuple[int, int] = (32, 32)) -> GenerationSettings:
    return GenerationSettings(SOURCE_PROMPT, "", SEED, STEPS, 5.0, *size)


def edit(kind: str, target: str, equalizer: dict[str, float]) -> EditSettings:
    kind = "auto" if kind == "reweight" else kind
    return EditSettings.of(target, edit=kind, cross_replace_steps=0.6, self_replace_steps=0.5, equalizer=equalizer)


@pytest.mark.parametrize("words", [1, 3, 8, 20])
def test_columns_are_those_of_the_explicit_map(words):
    q, k = torch.randn(2, 30, 8), torch.randn(2, 11, 8)
    columns = torch.rand(11, words)
    widths = []

    def attend(v: Tensor) -> Tensor:
        widths.append(v.shape[-1])
        return F.scaled_dot_product_attention(q[None], k[None], v)

    maps = column_maps(AttentionLayer.cross("attn", 2, (5, 6), 11), columns, k, attend)
    assert_same(maps, explicit_maps(q, k) @ columns, products=8 + 11, amplified=6)
    assert set(widths) == {8}, "the width of the model's own values"
    joint = AttentionLayer.joint("attn", 2, (1, 4), 11 - 4, text_first=False)
    own = column_maps(joint, columns[:7], k, lambda v: F.scaled_dot_product_attention(k[None], k[None], v))
    assert_same(own, explicit_maps(k, k)[:, :4, 4:] @ columns[:7], products=8 + 11, amplified=6)


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
@pytest.mark.parametrize("reads", ["edited", "own"])
@pytest.mark.parametrize("case", CASES)
def test_maps_are_those_of_the_materialised_run(model, case, reads, size):
    adapter, pipeline = model
    kind, target, equalizer = CASES[case]
    noise = adapter.noise(SEED, *size)
    published = plan_published(
        pipeline.tokenizer,
        [SOURCE_PROMPT, target],
        kind,
        num_steps=STEPS,
        cross_replace_steps=0.6,
        self_replace_steps=0.5,
        equalizer=equalizer,
    ).to(adapter.device, adapter.dtype)
    formed = FormedMaps(published, reads, 96)
    published_edit(
        pipeline,
        [SOURCE_PROMPT, target],
        formed,
        num_steps=STEPS,
        guidance_scale=settings().guidance_scale,
        noise=noise,
    )
    watch = Everything(reads, self_max_pixels=96)
    run_together(adapter, settings(size), edit(kind, target, equalizer), watches=[watch])
    for step in range(STEPS):
        for branch in (0, 1):
            ours = watch.taken[step, branch]
            assert len(ours) == len(formed.taken[step])
            for (_, mine), theirs in zip(ours, formed.taken[step], strict=True):
                assert_same_maps(mine, theirs[branch, ..., : mine.shape[-1]])


def test_edited_and_own_maps_differ_only_while_the_edit_acts(model):
    edited, own = Everything("edited", [1], 64), Everything("own", [1], 64)
    run_together(model[0], settings(), edit(*CASES["replace"]), watches=[edited, own])
    apart = {
        step: {
            kind: max(
                float((a - b).abs().max())
                for (site, a), (_, b) in zip(edited.taken[step, 1], own.taken[step, 1], strict=True)
                if site.kind == kind
            )
            for kind in ("cross", "self")
        }
        for step in range(STEPS)
    }
    assert [apart[step]["cross"] > 1e-3 for step in range(STEPS)] == [True, True, True, False]
    assert [apart[step]["self"] > 1e-3 for step in range(STEPS)] == [True, True, False, False]
    assert apart[3] == {"cross": 0, "self": 0}


@pytest.mark.parametrize(("keep_bytes", "self_pixels"), [(0, 0), (150_000, 0), (1 << 30, 0), (1 << 30, 64), (0, 256)])
def test_the_sources_maps_are_the_same_from_its_run_its_tape_and_its_row_run_again(model, keep_bytes, self_pixels):
    live, later = Everything(branches=[0], self_max_pixels=self_pixels), Everything(self_max_pixels=self_pixels)
    tape = SourceTape(keep_bytes, 64) if keep_bytes else None
    kept = run_source(model[0], settings(), tape, watches=[live])
    # The edit's windows are over before the last step: that one runs the source's row for the watch alone.
    run_edit(model[0], settings(), edit(*CASES["replace"]), kept, watches=[later])
    for step in range(STEPS):
        assert len(later.taken[step, 1]) == len(later.taken[step, 0])
        for (site, mine), (same, theirs) in zip(later.taken[step, 0], live.taken[step, 0], strict=True):
            assert site == same
            assert_same_maps(mine, theirs)


def test_watching_changes_no_bit(model):
    adapter, _ = model
    asked = edit(*CASES["refine, then reweight"])

    def runs(*watches: Everything) -> list[Tensor]:
        kept = run_source(adapter, settings(), SourceTape(1 << 30, 256), watches=watches)
        together, edited = run_together(adapter, settings(), asked, watches=watches)
        later = run_edit(adapter, settings(), asked, kept, watches=watches)
        return [*kept.latents, *together.latents, edited.latents, later.latents]

    watches = [Everything("edited", self_max_pixels=256), Everything("own")]
    watched = runs(*watches)
    assert len(watches[0].taken) == 2 * STEPS
    assert all(torch.equal(one, other) for one, other in zip(runs(), watched, strict=True))


def test_only_what_is_asked_is_taken(model):
    watch = Everything(branches=[1], steps=range(1, 3))
    run_together(model[0], settings(), edit(*CASES["replace"]), watches=[watch])
    assert sorted(watch.taken) == [(1, 1), (2, 1)]


def test_what_bypasses_the_kernel_is_told_to_a_watch(tiny_folder):
    adapter, _ = load_model(tiny_folder, "cpu", None)
    adapter._unet.set_attention_slice("max")
    with pytest.raises(ControlError, match="attention slicing"):
        run_source(adapter, settings(), None, watches=[Everything()])
