"""Stable Diffusion XL: its own pipeline bit for bit, and everything that the smaller ones do."""

import numpy as np
import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, LCMScheduler

from helpers.failing_layers import fail_in_each_layer
from helpers.formed_cross import Formed, formed_edit
from helpers.rounding import assert_same_latents
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.replace import replace
from wordbrush.errors import ModelError, PromptError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.intercept import attention_modules
from wordbrush.tokens.pair import PromptPair
from wordbrush_bench.tiny.stable_diffusion_xl import SIZE, tiny_xl

PROMPT, TARGETS = "a photo of a dog eating an apple", ["a photo of a cat eating an apple", "a big dog eating an apple"]
STEPS = 3
RUN = {"seed": 3, "num_inference_steps": STEPS, "guidance_scale": 5.0, "size": SIZE}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_xl()


@pytest.fixture(scope="module")
def editor(pipeline):
    return Editor.from_pipeline(pipeline)


def drawn(pipeline, **call):
    """What the family's own pipeline makes of the same seed."""
    options = {
        "height": SIZE[0],
        "width": SIZE[1],
        "num_inference_steps": STEPS,
        "guidance_scale": 5.0,
        "generator": torch.Generator().manual_seed(3),
        **call,
    }
    return pipeline(PROMPT, **options)


@pytest.mark.parametrize("negative", [None, "red"])
def test_a_plain_picture_is_the_pipelines_bit_for_bit(pipeline, editor, negative):
    source = editor.generate(PROMPT, **RUN, negative_prompt=negative or "")
    expected = drawn(pipeline, negative_prompt=negative, output_type="latent").images
    assert torch.equal(source.latents, expected)
    assert np.array_equal(np.array(source.image), np.array(drawn(pipeline, negative_prompt=negative).images[0]))
    seen = editor.generate(PROMPT, **RUN, negative_prompt=negative or "", capture=MapsRequest(["dog"]))
    assert torch.equal(seen.latents, expected)
    assert seen.maps.word("dog").shape == (8, 12)


@pytest.mark.parametrize(
    ("scheduler", "name", "scale"),
    [
        (lambda: EulerDiscreteScheduler(**BETAS, timestep_spacing="leading", steps_offset=1), "euler", 5.0),
        (lambda: EulerAncestralDiscreteScheduler(**BETAS, timestep_spacing="trailing"), "euler-a", 0.0),
        (lambda: LCMScheduler(**BETAS), "lcm", 1.0),
    ],
    ids=["base", "turbo", "lcm"],
)
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # diffusers' own code
def test_its_own_sampler_is_the_pipelines_bit_for_bit(scheduler, name, scale, steps):
    own = tiny_xl(scheduler())
    source = Editor.from_pipeline(own).generate(
        PROMPT, **{**RUN, "guidance_scale": scale, "num_inference_steps": steps}, sampler="own"
    )
    expected = drawn(own, guidance_scale=scale, num_inference_steps=steps, output_type="latent").images
    assert torch.equal(source.latents, expected)
    assert source.record.sampler == name


def test_a_network_that_was_distilled_is_told_the_scale_as_its_pipeline_tells_it():
    own = tiny_xl(LCMScheduler(**BETAS), time_cond_proj_dim=8)
    source = Editor.from_pipeline(own).generate(PROMPT, **RUN)
    assert torch.equal(source.latents, drawn(own, output_type="latent").images)
    assert source.record.sampler == "lcm"
    other = Editor.from_pipeline(own).generate(PROMPT, **{**RUN, "guidance_scale": 8.0})
    assert not torch.equal(other.latents, source.latents)


def test_a_fused_edit_equals_its_maps_formed():
    """In float64: three steps of a network with maps this sharp make 1e-3 of float32's rounding."""
    pipeline, target = tiny_xl().to(torch.float64), TARGETS[0]
    editor = Editor.from_pipeline(pipeline)
    options = {"cross_replace_steps": 0.5, "self_replace_steps": 0.4, "self_replace_max_pixels": 1 << 16}
    ours = editor.generate_and_edit(PROMPT, target, **RUN, edit="replace", **options)
    made = replace(PromptPair.of(*(editor._adapter.tokenize(prompt) for prompt in (PROMPT, target))))
    formed = Formed(
        made.transfer_ST.double(),
        made.keep_T.double(),
        text_steps=int(0.5 * (STEPS + 1)),
        image_steps=int(0.4 * STEPS),
    )
    start = editor.generate(PROMPT, **RUN).kept.latents[0].expand(2, -1, -1, -1).contiguous()
    call = {"height": SIZE[0], "width": SIZE[1], "num_inference_steps": STEPS, "guidance_scale": 5.0}
    theirs = formed_edit(pipeline, pipeline.unet, formed, [PROMPT, target], start, **call)
    assert formed.calls == STEPS * len(attention_modules(pipeline.unet))
    assert (ours.latents - editor.regenerate(ours.source, target).latents).abs().max() > 1e-2
    torch.testing.assert_close(ours.source.latents, theirs[:1], rtol=0, atol=1e-9)
    torch.testing.assert_close(ours.latents, theirs[1:], rtol=0, atol=1e-9)


def test_several_targets_are_each_alone_and_a_kept_source_is_a_fresh_one(editor):
    source = editor.generate(PROMPT, **RUN)
    together = editor.generate_and_edit(PROMPT, TARGETS, **RUN)
    for result, target in zip(together, TARGETS, strict=True):
        alone = editor.edit(source, target)
        assert_same_latents(alone.latents, result.latents)
        assert alone.image.tobytes() != source.image.tobytes()
        assert_same_latents(editor.replay(alone.record)[0].latents, alone.latents)
    plain = editor.regenerate(source, TARGETS[0])
    assert not torch.allclose(plain.latents, together[0].latents, atol=1e-3)


def test_every_attention_layer_is_controlled(editor, pipeline):
    result = editor.generate_and_edit(
        PROMPT, TARGETS[0], **RUN, cross_replace_steps=1.0, self_replace_steps=1.0, self_replace_max_pixels=1 << 20
    )
    assert result.record.controlled_calls == STEPS * len(attention_modules(pipeline.unet))


def test_weights_windows_and_blend(editor):
    source = editor.generate(PROMPT, **RUN)
    strong = editor.edit(source, PROMPT, equalizer={"apple": 3.0}, cross_replace_steps={"apple": 0.5, "default_": 1.0})
    assert strong.record.acted == (("'apple' x 3",),)
    blended = editor.edit(source, TARGETS[0], local_blend=LocalBlend(["dog", "cat"], threshold=0.9))
    held = ~blended.blend_masks[-1]
    assert held.any()
    assert torch.equal(blended.latents[0][:, held], source.latents[0][:, held])


@pytest.mark.parametrize("method", ["direct", "ddim", "edit-friendly"])
def test_a_photograph_is_inverted_and_edited(editor, method):
    photo = editor.generate(PROMPT, **RUN).image
    source = editor.invert(photo, PROMPT, method=method, num_inference_steps=STEPS, guidance_scale=5.0)
    assert editor.edit(source, TARGETS[0]).image.size == photo.size


def test_a_folder_is_its_pipeline(pipeline, editor, tmp_path):
    pipeline.save_pretrained(tmp_path / "xl")
    loaded = Editor.from_pretrained(tmp_path / "xl", dtype="float32")
    assert loaded.model.defaults.self_replace_max_pixels == 1024
    assert torch.equal(loaded.generate(PROMPT, **RUN).latents, editor.generate(PROMPT, **RUN).latents)


def test_a_folder_of_half_precision_files_is_loaded_by_their_name(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path, variant="fp16")
    loaded = Editor.from_pretrained(tmp_path, dtype="float32", variant="fp16")
    assert torch.equal(
        loaded.generate(PROMPT, **RUN).latents, Editor.from_pipeline(pipeline).generate(PROMPT, **RUN).latents
    )
    with pytest.raises(ModelError):
        Editor.from_pretrained(tmp_path, dtype="float32")


def test_after_an_exception_nothing_is_left(editor, pipeline):
    expected = editor.generate(PROMPT, **RUN).latents
    fail_in_each_layer(pipeline.unet, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


def test_what_is_no_base_model_is_refused_by_name(pipeline):
    with pytest.raises(ModelError, match="addition_embed_type is 'text_image'"):
        changed = tiny_xl()
        changed.unet.register_to_config(addition_embed_type="text_image")
        Editor.from_pipeline(changed)
    with pytest.raises(ModelError, match=r"has no text_encoder \(is it a refiner"):
        refiner = tiny_xl()
        refiner.text_encoder = None
        Editor.from_pipeline(refiner)
    with pytest.raises(ModelError, match="flow-matching scheduler"):
        from diffusers import FlowMatchEulerDiscreteScheduler

        Editor.from_pipeline(tiny_xl(FlowMatchEulerDiscreteScheduler()))


def test_a_prompt_over_the_limit_says_what_falls_off(editor):
    with pytest.raises(PromptError, match="would fall off"):
        editor.generate("dog " * 80, **RUN)
