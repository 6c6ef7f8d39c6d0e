"""A U-Net that was distilled to be told its guidance: sampled and inverted by the sampler that it predicts for."""

import pytest
import torch
from diffusers import LCMScheduler

from wordbrush.editor import Editor
from wordbrush.errors import SettingsError
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT, TARGET = "a dog on a mat", "a cat on a mat"
RUN = {"seed": 3, "num_inference_steps": 3, "guidance_scale": 8.0}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline(time_cond_proj_dim=8)


@pytest.fixture(scope="module")
def editor(pipeline) -> Editor:
    return Editor.from_pipeline(pipeline)


@pytest.mark.parametrize("steps", [1, 3, 4])
@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # diffusers' own code
def test_its_default_sampler_is_its_pipelines_bit_for_bit(editor, steps):
    own = tiny_pipeline(time_cond_proj_dim=8)
    own.scheduler = LCMScheduler.from_config(own.scheduler.config)
    generator = torch.Generator().manual_seed(3)
    expected = own(
        PROMPT, num_inference_steps=steps, guidance_scale=8.0, generator=generator, output_type="latent"
    ).images
    source = editor.generate(PROMPT, **{**RUN, "num_inference_steps": steps})
    assert source.record.sampler == "lcm"
    assert torch.equal(source.latents, expected)


def test_an_edit_says_the_sampler_and_is_replayed_by_it(editor):
    edit = editor.generate_and_edit(PROMPT, TARGET, **RUN)
    assert edit.record.sampler == "lcm"
    assert not torch.equal(edit.latents, edit.source.latents)
    assert not torch.equal(edit.latents, editor.regenerate(edit.source, TARGET).latents)
    assert torch.equal(editor.replay(edit.record)[0].latents, edit.latents)


@pytest.mark.parametrize("sampler", ["ddim", "euler", "own"])
def test_another_sampler_is_taken_where_it_is_named(editor, sampler):
    named = editor.generate(PROMPT, sampler=sampler, **RUN)
    assert named.record.sampler == {"own": "ddim"}.get(sampler, sampler)
    assert not torch.equal(named.latents, editor.generate(PROMPT, **RUN).latents)


@pytest.mark.parametrize("method", ["edit-friendly", "virtual"])
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_an_inversion_gives_the_photo_back(editor, method, scale):
    """The source's path is the photograph's; a target with its guidance that asks for next to nothing follows it."""
    photo = editor.generate(PROMPT, **RUN).image
    source = editor.invert(
        photo, PROMPT, method=method, num_inference_steps=3, guidance_scale=scale, source_guidance_scale=scale, seed=1
    )
    assert source.record.sampler == "lcm"
    assert torch.equal(source.latents, editor._adapter.encode_image(photo))
    assert source.report.reconstruction == source.report.autoencoder
    again = editor.edit(source, PROMPT, equalizer={"dog": 1 + 1e-6}, cross_replace_steps=1.0, self_replace_steps=1.0)
    torch.testing.assert_close(again.latents, source.latents, rtol=0, atol=1e-3)
    assert (editor.edit(source, TARGET).latents - source.latents).abs().max() > 1e-2


@pytest.mark.parametrize("method", ["direct", "ddim", "fixed-point"])
def test_an_inversion_that_follows_steps_back_which_draw_noise_is_refused(editor, method):
    photo = editor.generate(PROMPT, **RUN).image
    with pytest.raises(SettingsError, match=f"method '{method}' follows .* 'lcm' draws noise .* use 'edit-friendly'"):
        editor.invert(photo, PROMPT, method=method, num_inference_steps=3)


@pytest.mark.parametrize("method", ["null-text", "negative-prompt", "h-edit", "h-edit-direct"])
def test_an_inversion_of_the_negative_text_is_refused(editor, method):
    photo = editor.generate(PROMPT, **RUN).image
    with pytest.raises(SettingsError, match=f"method '{method}' works on the negative text, and this model's"):
        editor.invert(photo, PROMPT, method=method, num_inference_steps=3)
    with pytest.raises(SettingsError, match="reads no negative_prompt"):
        editor.generate(PROMPT, negative_prompt="red", **RUN)
