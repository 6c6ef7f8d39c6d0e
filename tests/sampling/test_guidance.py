import pytest
import torch

from wordbrush.editor import Editor
from wordbrush.errors import SettingsError
from wordbrush.inversion.negative_prompt import NegativePrompt
from wordbrush.inversion.null_text import NullText
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.runs.run import run_source
from wordbrush.sampling.guidance import ClassifierFree, Distilled
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline


def adapter(**unet) -> tuple[StableDiffusion, object]:
    pipeline = tiny_pipeline(**unet)
    parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
    return StableDiffusion(*parts, pipeline.scheduler.config), pipeline


@pytest.mark.parametrize("scale", [1.0, 3.0, 8.0])
def test_a_distilled_network_is_told_the_scale_in_one_row(scale):
    made, pipeline = adapter(time_cond_proj_dim=8)
    assert isinstance(made.guidance, Distilled)
    run = {"num_inference_steps": 3, "guidance_scale": scale}
    expected = pipeline("a dog", generator=torch.Generator().manual_seed(2), output_type="latent", **run).images
    latents = run_source(made, GenerationSettings("a dog", "", 2, 3, scale, 32, 32, "ddim"), None).latents
    assert torch.equal(latents[-1], expected)


def test_a_negative_prompt_without_a_place_is_told():
    editor = Editor.from_pipeline(adapter(time_cond_proj_dim=8)[1])
    with pytest.raises(SettingsError, match="reads no negative_prompt; leave it out"):
        editor.generate("a dog", seed=2, num_inference_steps=3, guidance_scale=4.0, negative_prompt="a cat")


@pytest.mark.parametrize("method", [NullText(), NegativePrompt()])
def test_methods_that_need_a_negative_text_say_so(method):
    with pytest.raises(SettingsError, match="this model's guidance reads none; use another method"):
        method.check(Distilled(), 4.0, "")
    method.check(ClassifierFree(), 4.0, "")
