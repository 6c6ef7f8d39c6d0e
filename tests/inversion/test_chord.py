"""Chord's difference edit: its formula written out on the pipeline's own network, its cost, what it refuses."""

import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import SettingsError
from wordbrush_bench.tiny.joint import tiny_flux, tiny_sd3
from wordbrush_bench.tiny.sana import tiny_sana
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
SIZE, SEED = (32, 64), 5
RUN = {"num_inference_steps": 4, "size": SIZE, "seed": SEED, "method": "chord"}
BUILD = {
    "epsilon": tiny_pipeline,
    "v": lambda: tiny_pipeline(prediction_type="v_prediction"),
    "sd3": tiny_sd3,
    "flux": tiny_flux,
    "sana": tiny_sana,
}


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(SIZE[::-1], Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def pipelines():
    return {name: build() for name, build in BUILD.items()}


@pytest.fixture(scope="module")
def editors(pipelines):
    return {name: Editor.from_pipeline(pipeline) for name, pipeline in pipelines.items()}


def seen_by_unet(pipeline, latents, part, prompt, scale):
    """The clean latents that the pipeline's own U-Net finds, with the scheduler's own numbers."""
    timestep = round(part * 1000)
    alpha = pipeline.scheduler.alphas_cumprod[timestep]
    positive, negative = pipeline.encode_prompt(prompt, "cpu", 1, True, "")
    if scale > 1:
        said, empty = (
            pipeline.unet(latents, timestep, encoder_hidden_states=states).sample for states in (positive, negative)
        )
        said = empty + scale * (said - empty)
    else:
        said = pipeline.unet(latents, timestep, encoder_hidden_states=positive).sample
    if pipeline.scheduler.config.prediction_type == "epsilon":
        return (latents - (1 - alpha).sqrt() * said) / alpha.sqrt()
    return alpha.sqrt() * latents - (1 - alpha).sqrt() * said


def noised_by_scheduler(pipeline, latents, noise, part):
    return pipeline.scheduler.add_noise(latents, noise, torch.tensor([round(part * 1000)]))


def seen_by_sd3(pipeline, latents, part, prompt, scale):
    """The same along the flow of Stable Diffusion 3's transformer, whose velocity leads from the picture to noise."""
    positive, negative, pooled, empty_pooled = pipeline.encode_prompt(prompt, None, None, negative_prompt="")
    said, empty = (
        pipeline.transformer(
            hidden_states=latents,
            timestep=torch.tensor([1000 * part]),
            encoder_hidden_states=states,
            pooled_projections=pooled_states,
        ).sample
        for states, pooled_states in ((positive, pooled), (negative, empty_pooled))
    )
    return latents - part * (empty + scale * (said - empty))


def noised_along_flow(pipeline, latents, noise, part):
    return (1 - part) * latents + part * noise


def by_hand(pipeline, seen, noised, source, target, scale, t_start, delta, t_end, strength):
    """ChordEdit as the paper writes it."""
    noise = torch.randn(source.shape, generator=torch.Generator().manual_seed(SEED), dtype=source.dtype)

    def difference(part):
        given = noised(pipeline, source, noise, part)
        return seen(pipeline, given, part, target, scale) - seen(pipeline, given, part, PROMPT, scale)

    if delta:
        low = t_start - delta
        chord = (delta * difference(t_start) + t_start * difference(low)) / (t_start + delta)
    else:
        chord = difference(t_start)
    edited = source + strength * chord
    if t_end:
        edited = seen(pipeline, noised(pipeline, edited, noise, t_end), t_end, target, scale)
    return edited


@pytest.mark.parametrize(("name", "scale"), [("epsilon", 0.0), ("epsilon", 3.0), ("v", 0.0), ("v", 3.0), ("sd3", 4.0)])
@pytest.mark.parametrize(
    "settings", [{}, {"t_end": 0.0}, {"t_start": 0.75, "delta": 0.0}, {"t_start": 0.6, "delta": 0.25, "scale": 0.7}]
)
def test_it_is_the_published_formula(photo, name, scale, settings):
    # At 0.9 a diffusion model divides by a signal of a tenth, and rounding with it: so in double precision.
    pipeline = BUILD[name]().to(torch.float64)
    editor = Editor.from_pipeline(pipeline)
    source = editor.invert(photo, PROMPT, guidance_scale=scale, **RUN, **settings)
    ours = editor.regenerate(source, TARGET).latents
    seen, noised = (seen_by_sd3, noised_along_flow) if name == "sd3" else (seen_by_unet, noised_by_scheduler)
    used = {"t_start": 0.9, "delta": 0.15, "t_end": 0.3, "scale": 1.0, **settings}
    strength = used.pop("scale")
    with torch.no_grad():
        expected = by_hand(pipeline, seen, noised, source.latents, TARGET, scale, **used, strength=strength)
    assert float((ours - expected).abs().max()) < 1e-5
    assert float((ours - source.latents).abs().max()) > 1e-2


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("scale", ["own", 1.0])
def test_with_equal_prompts_and_no_clean_up_the_picture_comes_back(editors, photo, name, scale):
    guidance = {} if scale == "own" or name == "flux" else {"guidance_scale": scale}
    source = editors[name].invert(photo, PROMPT, t_end=0.0, **RUN, **guidance)
    assert source.report.reconstruction == source.report.autoencoder
    assert torch.equal(editors[name].regenerate(source, PROMPT).latents, source.latents)
    still = editors[name].invert(photo, PROMPT, t_end=0.0, scale=0.0, **RUN, **guidance)
    assert torch.equal(editors[name].regenerate(still, TARGET).latents, source.latents)


@pytest.mark.parametrize("name", BUILD)
def test_edits_of_words_act_in_its_steps(editors, photo, name):
    editor = editors[name]
    source = editor.invert(photo, PROMPT, **RUN)
    alone, edited = editor.regenerate(source, TARGET), editor.edit(source, [TARGET, "a dog eating an orange"])
    assert edited[0].record.controlled_calls > 0
    assert float((edited[0].latents - alone.latents).abs().max()) > 1e-3
    blended = editor.edit(source, TARGET, local_blend=LocalBlend(threshold=0.9))
    outside = ~blended.blend_masks[-1]
    assert outside.any()
    assert torch.equal(blended.latents[..., outside], source.latents[..., outside])


@pytest.mark.parametrize("name", ["epsilon", "sd3"])
def test_a_seed_is_recorded_and_its_edit_comes_again_bit_for_bit(editors, photo, name):
    editor = editors[name]
    made = [editor.edit(editor.invert(photo, PROMPT, **{**RUN, "seed": seed}), TARGET) for seed in (SEED, SEED + 1)]
    assert [edit.record.generation.seed for edit in made] == [SEED, SEED + 1]
    assert not torch.equal(made[0].latents, made[1].latents)
    again = editor.replay(type(made[0].record).from_json(made[0].record.to_json()), photo=photo)
    assert torch.equal(again[0].latents, made[0].latents)
    further = editor.edit(made[0], "a red cat eating an apple")
    assert float((further.latents - made[0].latents).abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("settings", "inversion", "edit"), [({}, 2, 3), ({"t_end": 0.0}, 2, 2), ({"delta": 0.0, "t_end": 0.0}, 1, 1)]
)
def test_a_level_costs_one_call(pipelines, editors, photo, settings, inversion, edit):
    editor, calls = editors["epsilon"], []
    hook = pipelines["epsilon"].unet.register_forward_hook(lambda *_: calls.append(1))
    try:
        source = editor.invert(photo, PROMPT, **RUN, **settings)
        assert source.report.model_calls == len(calls) == inversion
        calls.clear()
        editor.regenerate(source, TARGET)
        assert len(calls) == edit
        calls.clear()
        editor.edit(source, TARGET)
        assert len(calls) == edit
    finally:
        hook.remove()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"t_start": 1.0}, "t_start is 1; give a number from above 0 to below 1"),
        ({"delta": 0.9}, "delta is 0.9; give a number from 0 to below t_start"),
        ({"t_end": 0.75}, "t_end is 0.75; give a number from 0 to below t_start - delta"),
        ({"scale": 11.0}, "scale is 11; give a number from -10 to 10"),
        (
            {"t_start": 0.5, "delta": 0.0002},
            "fall together in a schedule of 1000 timesteps; give levels further apart",
        ),
    ],
)
def test_values_that_have_no_meaning_are_told(editors, photo, settings, said):
    with pytest.raises(SettingsError, match=said):
        editors["epsilon"].invert(photo, PROMPT, **RUN, **settings)


def test_models_and_options_with_which_it_cannot_act_are_told(editors, photo):
    with pytest.raises(SettingsError, match="leave out guidance_interval"):
        editors["epsilon"].invert(photo, PROMPT, guidance_interval=0.5, **RUN)
    told = Editor.from_pipeline(tiny_pipeline(time_cond_proj_dim=8))
    with pytest.raises(SettingsError, match="levels of its own, which this model's sampler 'lcm' has not"):
        told.invert(photo, PROMPT, **RUN)
