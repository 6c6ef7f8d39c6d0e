"""U-Nets that compute a box of their latents alone."""

import pytest
import torch

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.region import RegionForm
from wordbrush.attention.surroundings import Surroundings
from wordbrush.editor import Editor
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.models.unet_region import LEAST_CELLS
from wordbrush.sampling.adapter import RegionCall
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
RUN = {"seed": 5, "num_inference_steps": 10, "size": (96, 96)}
CORNER = LocalBlend((), mask=LatentMask(tuple("#" * 15 + "." * 33 if row < 15 else "." * 48 for row in range(48))))
FAST = Shortcuts(region_interval=3)
WINDOWS = {"cross_replace_steps": 0.8, "self_replace_steps": 0.4}


@pytest.fixture(scope="module")
def editor() -> Editor:
    return Editor.from_pipeline(tiny_pipeline())


@pytest.fixture(scope="module")
def source(editor):
    return editor.generate(PROMPT, **RUN)


def test_the_region_alone_changes_within_windows_and_behind_them(editor, source):
    exact = editor.edit(source, TARGET, local_blend=CORNER, **WINDOWS)
    fast = editor.edit(source, TARGET, local_blend=CORNER, **WINDOWS, fast=FAST)
    assert all(torch.equal(fast.way[step], exact.way[step]) for step in range(4))
    # The fifth step is of the region alone, and takes over the source's attention to itself.
    assert not torch.equal(fast.way[4], exact.way[4])
    outside = ~fast.blend_masks[-1]
    assert torch.equal(fast.latents[0][:, outside], source.latents[0][:, outside])
    assert (fast.latents - exact.latents).abs().max() < 0.1 * (exact.latents - source.latents).abs().max()
    assert "the region alone at 5 of 10 steps" in fast.record.acted[0]
    assert fast.record.controlled_calls == exact.record.controlled_calls
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, source.latents)


def test_every_step_whole_is_the_exact_edit(editor, source):
    exact = editor.edit(source, TARGET, local_blend=CORNER, **WINDOWS)
    every = editor.edit(
        source, TARGET, local_blend=CORNER, **WINDOWS, fast=Shortcuts(region_interval=1, region_halo=0)
    )
    assert torch.equal(every.latents, exact.latents)


def test_what_reads_inside_of_the_source_has_the_whole_picture(editor, source):
    features = {"plug_and_play": PlugAndPlay(1.0, 0.0), "local_blend": CORNER}
    exact = editor.edit(source, TARGET, **features)
    assert torch.equal(editor.edit(source, TARGET, **features, fast=FAST).latents, exact.latents)
    assert not torch.equal(exact.latents, editor.edit(source, TARGET, local_blend=CORNER).latents)


def test_latents_of_no_whole_number_of_cells_have_whole_steps(editor):
    odd = editor.generate(PROMPT, seed=5, num_inference_steps=6, size=(100, 96))
    mask = LatentMask(("##" + "." * 46,) * 50)
    exact = editor.edit(odd, TARGET, local_blend=LocalBlend((), mask=mask))
    fast = editor.edit(odd, TARGET, local_blend=LocalBlend((), mask=mask), fast=FAST)
    assert torch.equal(fast.latents, exact.latents)


def test_deep_features_are_not_reused_beside_a_region(editor, source):
    both = Shortcuts(cache_interval=4, region_interval=3)
    one, other = (editor.edit(source, TARGET, local_blend=CORNER, **WINDOWS, fast=fast) for fast in (both, FAST))
    assert torch.equal(one.latents, other.latents)


@pytest.mark.parametrize(
    "changed",
    [
        lambda unet: unet.conv_in.__setattr__("padding_mode", "circular"),
        lambda unet: unet.enable_freeu(s1=0.9, s2=0.2, b1=1.2, b2=1.4),
    ],
)
def test_a_u_net_that_looks_further_has_no_region(changed):
    pipeline = tiny_pipeline()
    adapter = Editor.from_pipeline(pipeline)._adapter
    assert adapter.region_form == RegionForm(4, box=True, least=LEAST_CELLS)
    changed(pipeline.unet)
    assert adapter.region_form is None


def test_a_u_net_that_halves_without_a_border_has_no_region():
    assert Editor.from_pipeline(tiny_pipeline(downsample_padding=0))._adapter.region_form is None


@pytest.mark.parametrize("changes", [{"resnet_time_scale_shift": "scale_shift"}, {"use_linear_projection": True}])
@pytest.mark.parametrize("edge", [slice(0, 3), slice(6, 9), slice(13, 16)], ids=["first", "middle", "last"])
def test_it_is_what_a_whole_call_computes(changes, edge):
    """At edges of the picture and inside; the same rows, fewer, and others."""
    adapter = Editor.from_pipeline(tiny_pipeline(**changes))._adapter
    mask = torch.zeros(16, 24, dtype=torch.bool)
    mask[edge, 12:24] = True
    region, timestep = adapter.region_form.region(mask, 0), adapter.solver(4, 32, 48).timesteps[1]
    inside = region.box((16, 24))
    text = adapter.encode(PROMPT)
    two, texts = torch.cat([adapter.noise(seed, 32, 48) for seed in (1, 2)]), text.cat([text, text])
    surroundings = Surroundings()
    surroundings.begin(BatchLayout.of([1], guided=True), None)
    plain, _ = adapter.predict(two, timestep, texts, None)
    whole, _ = adapter.predict(two, timestep, texts, None, 1.0, RegionCall(surroundings))
    assert torch.equal(whole, plain)
    for guided, rows in ((True, slice(0, 2)), (False, slice(1, 2)), (True, slice(0, 2))):
        surroundings.begin(BatchLayout.of([1], guided=guided), region)
        given = two[rows].clone()
        given[..., : max(inside.top - 1, 0), :] += 1  # beyond a border of one cell nothing is looked at
        alone, _ = adapter.predict(given, timestep, text.cat([text] * len(given)), None, 1.0, RegionCall(surroundings))
        assert (alone - whole[rows]).abs().max() < 1e-5


def test_an_error_inside_leaves_nothing_behind(editor, source):
    unet, adapter = editor._adapter._unet, editor._adapter
    before = _hooks(unet)

    def failing(module, args):
        raise RuntimeError("out of luck")

    handle = unet.mid_block.register_forward_pre_hook(failing)
    surroundings, noise = Surroundings(), adapter.noise(1, 32, 48)
    surroundings.begin(BatchLayout.of([1], guided=False), None)
    with pytest.raises(RuntimeError, match="out of luck"):
        adapter.predict(noise, torch.tensor(10), adapter.encode(PROMPT), None, 1.0, RegionCall(surroundings))
    handle.remove()
    assert _hooks(unet) == before
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, source.latents)


def _hooks(unet) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in unet.modules())


def test_small_latents_and_large_regions_reuse_deep_features_instead(editor, source):
    """A region that gains nothing is not computed alone, and then deep features are re-used as without one."""
    early = {"cross_replace_steps": 0.2, "self_replace_steps": 0.2}
    both, deep = Shortcuts(cache_interval=3, region_interval=3), Shortcuts(cache_interval=3)
    rows = ("#" * 40 + "." * 8,) * 48
    large = LocalBlend((), mask=LatentMask(rows), start_blend=0.0)
    small = editor.generate(PROMPT, **{**RUN, "size": (32, 48)})
    corner = LocalBlend((), mask=LatentMask(tuple("###" + "." * 21 if row < 3 else "." * 24 for row in range(16))))
    for its, blend in ((source, large), (small, corner)):
        one, other = (editor.edit(its, TARGET, local_blend=blend, **early, fast=fast) for fast in (both, deep))
        assert torch.equal(one.latents, other.latents)
        exact = editor.edit(its, TARGET, local_blend=blend, **early)
        assert not torch.equal(one.latents, exact.latents)
