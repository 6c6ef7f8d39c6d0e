"""The published algorithm, written out with every map formed, agrees with ours: latents within 1e-4 in fp32."""

import pytest
import torch
from diffusers import StableDiffusionPipeline

from helpers.rounding import assert_same_latents
from wordbrush.editor import Editor
from wordbrush.models.folder import bundled_folder
from wordbrush_bench.speed.materialised import plan_published, published_edit

STEPS, GUIDANCE, SEED = 6, 5.0, 3

CASES = {
    "replace": ("replace", "replace", "a dog eating an apple", ["a cat eating an apple"], {}),
    "replace several": (
        "replace",
        "auto",
        "a dog eating an apple",
        ["a cat eating an apple", "a dog eating an orange"],
        {},
    ),
    "refine at the end": ("refine", "refine", "a dog", ["a dog in the snow"], {}),
    "refine at the start": ("refine", "refine", "a dog", ["photo of a dog"], {}),
    "refine in the middle": ("refine", "refine", "a dog eating an apple", ["a big dog eating an apple"], {}),
    "refine drops a swapped word": ("refine", "refine", "a dog eating an apple", ["a cat eating an apple"], {}),
    "auto refines": ("refine", "auto", "a dog eating an apple", ["a big dog eating an apple in the snow"], {}),
    "reweight up": (
        "reweight",
        "auto",
        "a dog eating an apple",
        ["a dog eating an apple"],
        {"equalizer": {"apple": 3.0}},
    ),
    "reweight to zero": (
        "reweight",
        "auto",
        "a dog eating an apple",
        ["a dog eating an apple"],
        {"equalizer": {"dog": 0.0}},
    ),
    "reweight below zero": (
        "reweight",
        "auto",
        "a dog eating an apple",
        ["a dog eating an apple"],
        {"equalizer": {"dog": -2.0}},
    ),
    "replace, then reweight": (
        "replace",
        "replace",
        "a dog eating an apple",
        ["a cat eating an apple"],
        {"equalizer": {"cat": 2.0}},
    ),
    "refine, then reweight": ("refine", "refine", "a dog eating", ["a big dog eating"], {"equalizer": {"big": 4.0}}),
    "a window a word": (
        "replace",
        "replace",
        "a dog eating an apple",
        ["a cat eating an apple"],
        {"cross_replace_steps": {"default_": 0.8, "cat": 0.3}},
    ),
    "no self-attention": ("replace", "replace", "a dog", ["a cat"], {"self_replace_steps": 0.0}),
    "only self-attention": (
        "replace",
        "replace",
        "a dog",
        ["a cat"],
        {"cross_replace_steps": 0.0, "self_replace_steps": 1.0},
    ),
    "all of both": ("replace", "replace", "a dog", ["a cat"], {"cross_replace_steps": 1.0, "self_replace_steps": 1.0}),
    "refine several": (
        "refine",
        "refine",
        "a dog eating an apple",
        ["a big dog eating an apple", "photo of a dog eating an apple", "a dog eating an apple in the snow"],
        {"equalizer": {"big": 3.0, "snow": -1.0}, "cross_replace_steps": {"default_": 0.6, "apple": 0.2}},
    ),
    "words of several tokens": (
        "replace",
        "replace",
        "a kudu eating an apple",
        ["a lynx eating an apple"],
        {"equalizer": {"lynx": 2.0}, "cross_replace_steps": {"default_": 1.0, "lynx": 0.4}},
    ),
    "the smallest layers only": ("replace", "replace", "a dog", ["a cat"], {"limit": 64}),
}


@pytest.fixture(scope="module")
def bundled() -> tuple[Editor, StableDiffusionPipeline]:
    return _both(bundled_folder())


@pytest.fixture(scope="module")
def tiny(tiny_folder) -> tuple[Editor, StableDiffusionPipeline]:
    return _both(tiny_folder)


@pytest.mark.parametrize("model", ["tiny", "bundled"])
@pytest.mark.parametrize("case", CASES)
def test_published_algorithm(case, model, request):
    editor, pipeline = request.getfixturevalue(model)
    published_kind, kind, source, targets, options = CASES[case]
    options = {
        "recipe": "published",
        "cross_replace_steps": 0.8,
        "self_replace_steps": 0.4,
        "equalizer": {},
        **options,
    }
    limit = options.pop("limit", 256)
    length = pipeline.unet.config.sample_size
    shape = (1, pipeline.unet.config.in_channels, length, length)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(SEED))
    edit = plan_published(
        pipeline.tokenizer, [source, *targets], published_kind, num_steps=STEPS, self_limit=limit, **options
    )
    expected = published_edit(
        pipeline, [source, *targets], edit, num_steps=STEPS, guidance_scale=GUIDANCE, noise=noise
    )
    results = editor.generate_and_edit(
        source,
        targets,
        seed=SEED,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        edit=kind,
        self_replace_max_pixels=limit,
        **options,
    )
    ours = torch.cat([results[0].source.latents, *(result.latents for result in results)])
    assert_same_latents(ours, expected)
    plain = published_edit(pipeline, targets, None, num_steps=STEPS, guidance_scale=GUIDANCE, noise=noise)
    assert (expected[1:] - plain).abs().max() > 1e-2, "the edit must be seen far above the tolerance"


def _both(folder) -> tuple[Editor, StableDiffusionPipeline]:
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    return Editor.from_pretrained(folder, "cpu"), pipeline
