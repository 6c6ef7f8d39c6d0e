"""ControlNets of SD3 and FLUX.1 beside an edit: plain pictures are the pipelines', and edits act on the words."""

from functools import partial

import pytest
import torch
from diffusers import AutoencoderKL

from helpers.failing_layers import fail_in_each_layer
from helpers.formed_joint import Formed, edited_map, formed_edit
from helpers.idle_edit import assert_an_idle_edit_is_the_plain_picture
from helpers.reused_features import assert_reused_features_are_what_is_computed
from helpers.rounding import assert_same_latents
from helpers.sabotage import assert_nothing_is_left
from wordbrush.editor import Editor
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import ModelError, RecordError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.runs.record import RunRecord
from wordbrush.tokens.pair import PromptPair
from wordbrush_bench.tiny.guided import picture, tiny_controlled_flux, tiny_controlled_sd3
from wordbrush_bench.tiny.joint import SIZE, VAE_FACTOR, tiny_flux, tiny_sd3

PROMPT, TARGETS = "a photo of a dog eating an apple", ["a photo of a cat eating an apple", "a dog eating a castle"]
STEPS = 3
RUN = {"seed": 3, "num_inference_steps": STEPS, "size": SIZE, "guidance_scale": 3.5}
SCALE = 0.7
CONTROL = picture(1)
BUILD = {
    "sd3": partial(tiny_controlled_sd3, force_zeros_for_pooled_projection=False),
    "sd3-unpooled": tiny_controlled_sd3,
    "sd3-without-text": partial(tiny_controlled_sd3, joint_attention_dim=None, use_pos_embed=False),
    "sd3-two": partial(tiny_controlled_sd3, 2),
    "flux": tiny_controlled_flux,
    "flux-unguided": partial(tiny_controlled_flux, guidance_embeds=False),
    "flux-two": partial(tiny_controlled_flux, 2),
}
ONE_OF_EACH = ["sd3", "flux"]


def pictures_of(name):
    return [CONTROL, picture(3)] if "two" in name else CONTROL


def guided(pipeline, name, **part) -> Editor:
    editor = Editor.from_pipeline(pipeline)
    editor.load_guides(control_image=pictures_of(name), controlnet_conditioning_scale=SCALE, **part)
    return editor


@pytest.fixture(scope="module", params=BUILD)
def made(request):
    pipeline = BUILD[request.param]()
    return request.param, pipeline, guided(pipeline, request.param)


def call_of(name):
    return {
        "control_image": pictures_of(name),
        "controlnet_conditioning_scale": [SCALE] * 2 if "two" in name else SCALE,
        "height": SIZE[0],
        "width": SIZE[1],
        "num_inference_steps": STEPS,
        "guidance_scale": 3.5,
    }


def unpacked(pipeline, latents):
    unpack = getattr(pipeline, "_unpack_latents", None)
    return latents if unpack is None else unpack(latents, *SIZE, VAE_FACTOR)


def drawn(name, pipeline, noise, **more):
    """What the family's own pipeline makes of the same noise: FLUX's draws from its generator for the picture too."""
    given = noise if "sd3" in name else pipeline._pack_latents(noise, 1, *noise.shape[1:])
    call = {**call_of(name), "latents": given, "output_type": "latent", "return_dict": False, **more}
    return unpacked(pipeline, pipeline(PROMPT, **call)[0])


@pytest.mark.parametrize("more", [{}, {"control_guidance_start": 0.3}, {"control_guidance_end": 0.4}])
def test_a_plain_picture_is_the_pipelines_bit_for_bit(made, more):
    name, pipeline, editor = made
    noise = editor._adapter.noise(3, *SIZE)
    expected = drawn(name, pipeline, noise, **more)
    assert torch.equal(guided(pipeline, name, **more).generate(PROMPT, **RUN).latents, expected)
    blank = drawn(name, pipeline, noise, control_image=[picture(9)] * 2 if "two" in name else picture(9), **more)
    assert (blank - expected).abs().max() > 1e-3  # it sees the picture
    plain = tiny_sd3 if "sd3" in name else tiny_flux
    assert (Editor.from_pipeline(plain()).generate(PROMPT, **RUN).latents - expected).abs().max() > 1e-3


@pytest.mark.parametrize("made", ONE_OF_EACH, indirect=True)
def test_another_negative_prompt_or_scale_is_the_pipelines_too(made):
    name, pipeline, editor = made
    noise = editor._adapter.noise(3, *SIZE)
    for more in ({"negative_prompt": "red"}, {"guidance_scale": 1.0}) if name == "sd3" else ({"guidance_scale": 1.5},):
        source = editor.generate(PROMPT, **{**RUN, **more})
        assert torch.equal(source.latents, drawn(name, pipeline, noise, **more))


@pytest.mark.parametrize("made", ["sd3", "sd3-two", "flux"], indirect=True)
def test_a_fused_edit_equals_its_maps_formed(made):
    """Of the transformer's text and picture alone: a ControlNet's own attention is as it is."""
    name, pipeline, editor = made
    target, options = TARGETS[0], {"edit": "replace", "text_mass": "target", "self_replace_steps": 0.4}
    ours = editor.generate_and_edit(PROMPT, target, **RUN, **options, cross_replace_steps=0.5, new_word_factor=2)
    pair = PromptPair.of(*(editor._adapter.tokenize(prompt) for prompt in (PROMPT, target)))
    transfer_ST, keep_T = edited_map(pair, "replace", 2)
    tokens, pixels = len(keep_T), SIZE[0] * SIZE[1] // (2 * VAE_FACTOR) ** 2
    formed = Formed(
        transfer_ST,
        keep_T,
        range(tokens) if name == "flux" else range(pixels, pixels + tokens),
        range(tokens, tokens + pixels) if name == "flux" else range(pixels),
        text_steps=int(0.5 * (STEPS + 1)),
        image_steps=int(0.4 * STEPS),
        own_mass=True,
    )
    start = ours.source.kept.latents[0].expand(2, -1, -1, -1)
    given = pipeline._pack_latents(start, 2, *start.shape[1:]) if name == "flux" else start
    theirs = unpacked(pipeline, formed_edit(pipeline, formed, [PROMPT, target], given.contiguous(), **call_of(name)))
    assert formed.calls == STEPS * 4
    assert (ours.latents - editor.regenerate(ours.source, target).latents).abs().max() > 2e-3
    torch.testing.assert_close(ours.source.latents, theirs[:1], rtol=0, atol=1e-4)
    torch.testing.assert_close(ours.latents, theirs[1:], rtol=0, atol=1e-4)


@pytest.mark.parametrize("made", ONE_OF_EACH, indirect=True)
def test_an_edit_that_does_nothing_is_the_plain_picture_bit_for_bit(made):
    assert_an_idle_edit_is_the_plain_picture(made[2]._adapter, PROMPT, SIZE)


def test_as_many_calls_are_controlled_as_without(made):
    name, _, editor = made
    plain = Editor.from_pipeline((tiny_sd3 if "sd3" in name else tiny_flux)())
    counts = [each.generate_and_edit(PROMPT, TARGETS[0], **RUN).record.controlled_calls for each in (editor, plain)]
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("made", ["sd3-two", "flux"], indirect=True)
def test_targets_are_each_alone_maps_and_a_blend(made):
    _, _, editor = made
    source = editor.generate(PROMPT, **RUN)
    together = editor.generate_and_edit(PROMPT, TARGETS, **RUN)
    for target, one in zip(TARGETS, together, strict=True):
        single = editor.edit(source, target)
        torch.testing.assert_close(one.latents, single.latents, rtol=0, atol=1e-4)
        assert editor.replay(single.record)[0].image.tobytes() == single.image.tobytes()
    seen = editor.generate(PROMPT, **RUN, capture=MapsRequest(["dog"]))
    assert torch.equal(seen.latents, source.latents)
    blended = editor.edit(source, TARGETS[0], local_blend=LocalBlend(["dog", "cat"], threshold=0.9))
    held = ~blended.blend_masks[-1]
    assert held.any()
    assert torch.equal(blended.latents[0][:, held], source.latents[0][:, held])


@pytest.mark.parametrize("made", ONE_OF_EACH, indirect=True)
@pytest.mark.parametrize("method", ["flow-edit", "rf-inversion", "rf-solver", "uni-edit"])
def test_a_photograph_is_edited_in_the_same_part_of_the_steps(made, method):
    name, pipeline, editor = made
    photo = editor.generate(PROMPT, **RUN).image
    options = {"method": method, "num_inference_steps": 4, "size": RUN["size"]}
    options |= {"guidance_scale": 1.0} if method == "uni-edit" else {}
    results = []
    for part in ({}, {"control_guidance_start": 0.5}):
        its = guided(pipeline, name, **part)
        source = its.invert(photo, PROMPT, **options)
        result = its.edit(source, TARGETS[0])
        assert its.replay(result.record, photo=photo)[0].image.tobytes() == result.image.tobytes()
        results.append(result.latents)
    assert not torch.equal(*results)


@pytest.mark.parametrize("made", ONE_OF_EACH, indirect=True)
def test_after_an_exception_nothing_is_left(made):
    _, pipeline, editor = made
    expected = editor.generate(PROMPT, **RUN).latents
    fail_in_each_layer(pipeline.transformer, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    fail_in_each_layer(pipeline.controlnet, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    for network in (pipeline.transformer, pipeline.controlnet):
        assert_nothing_is_left(network)
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


@pytest.mark.parametrize("made", ONE_OF_EACH, indirect=True)
def test_fast_edits_reuse_features_and_every_step_is_whole(made):
    _, _, editor = made
    assert_reused_features_are_what_is_computed(editor._adapter, PROMPT, SIZE)
    source = editor.generate(PROMPT, **RUN)
    mask = LatentMask(tuple("#" * 8 + "." * 16 if row < 8 else "." * 24 for row in range(16)))
    blend = LocalBlend((), mask=mask)
    exact = editor.edit(source, TARGETS[0], local_blend=blend)
    fast = editor.edit(source, TARGETS[0], local_blend=blend, fast=Shortcuts(region_interval=2))
    assert torch.equal(fast.latents, exact.latents)
    assert "the region alone" not in str(fast.record.acted)


@pytest.mark.parametrize("made", ONE_OF_EACH, indirect=True)
def test_a_source_and_a_record_belong_to_the_pictures_that_guided_them(made):
    _, pipeline, editor = made
    source = editor.generate(PROMPT, **RUN)
    result = editor.edit(source, TARGETS[0])
    record = RunRecord.from_json(result.record.to_json())
    other = Editor.from_pipeline(pipeline)
    with pytest.raises(SettingsError, match="has a ControlNet, and no picture for it"):
        other.generate(PROMPT, **RUN)
    other.load_guides(control_image=picture(5), controlnet_conditioning_scale=SCALE)
    with pytest.raises(SettingsError, match="load the same guides"):
        other.edit(source, TARGETS[0])
    with pytest.raises(RecordError, match="there are other guides, or none"):
        other.replay(record)
    other.load_recorded(record, control_image=CONTROL)
    assert torch.equal(other.edit(source, TARGETS[0]).latents, result.latents)
    with pytest.raises(SettingsError, match="there is none of 3 steps, whole"):
        guided(pipeline, "one", control_guidance_start=0.4, control_guidance_end=0.6).generate(PROMPT, **RUN)
    with pytest.raises(SettingsError, match=r"ip_adapter_image is given for a .*ControlNetPipeline"):
        other.load_guides(control_image=CONTROL, ip_adapter_image=CONTROL)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_folder_is_its_pipeline(tmp_path, name):
    pipeline = BUILD[name]()
    vae = AutoencoderKL.from_config(pipeline.vae.config)
    vae.load_state_dict(pipeline.vae.state_dict())
    pipeline.register_modules(vae=vae.eval())
    pipeline.save_pretrained(tmp_path)
    loaded = Editor.from_pretrained(tmp_path, dtype="float32")
    loaded.load_guides(control_image=CONTROL, controlnet_conditioning_scale=SCALE)
    source = loaded.generate(PROMPT, **RUN)
    # The mean is read, and so the same as of the tiny pipelines, whose autoencoder has no spread. A file's weights lie
    # in memory as they do in the file, and some processors add up in another order where these are not aligned.
    made = guided(pipeline, name).generate(PROMPT, **RUN).latents
    assert_same_latents(source.latents, made)
    assert torch.equal(made, guided(BUILD[name](), name).generate(PROMPT, **RUN).latents)


def test_control_nets_that_do_not_fit_are_refused_by_name():
    for build, changes, told in (
        (tiny_controlled_sd3, {"extra_conditioning_channels": 1}, "extra_conditioning_channels = 1, which is not"),
        (tiny_controlled_sd3, {"joint_attention_dim": 20}, "20 as joint_attention_dim and a transformer with 24"),
        (tiny_controlled_sd3, {"num_attention_heads": 1}, "of width 8 and a transformer of 16"),
        (tiny_controlled_flux, {"num_mode": 2}, "num_mode = 2, which is not offered"),
        (tiny_controlled_flux, {"conditioning_embedding_channels": 8}, "conditioning_embedding_channels = 8"),
        (tiny_controlled_flux, {"pooled_projection_dim": 12}, "12 as pooled_projection_dim"),
    ):
        with pytest.raises(ModelError, match=f"has a ControlNet .*{told}"):
            Editor.from_pipeline(build(**changes))
    pipeline = tiny_controlled_sd3()
    pipeline.controlnet = tiny_controlled_flux().controlnet
    with pytest.raises(ModelError, match="has the ControlNet FluxControlNetModel; give a SD3ControlNetModel"):
        Editor.from_pipeline(pipeline)
    with pytest.raises(SettingsError, match="which pictures do not guide; wordbrush edits beside the ControlNets of"):
        Editor.from_pipeline(tiny_sd3()).load_guides(control_image=CONTROL)
