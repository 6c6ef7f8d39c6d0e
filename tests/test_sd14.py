"""Stable Diffusion v1-4 as the hub has it, but for its weights: configurations, scheduler, vocabulary, files."""

import pytest
import torch
from transformers import CLIPTokenizer

from helpers.sd14 import NARROW, clip_tokenizer_files, sd14_folder
from wordbrush.editor import Editor
from wordbrush.errors import PromptError
from wordbrush.models.processor import LARGE, fastest_dtype
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(clip_tokenizer_files(tmp_path_factory.mktemp("clip") / "tokenizer"))


@pytest.fixture(scope="module")
def adapter(tokenizer) -> StableDiffusion:
    """The real vocabulary before a tiny model."""
    parts = tiny_pipeline()
    return StableDiffusion(tokenizer, parts.text_encoder, parts.unet, parts.vae, parts.scheduler.config)


def words(adapter: StableDiffusion, prompt: str) -> dict[str, int]:
    tokens = adapter.tokenize(prompt)
    return {word.text: len(positions) for word, positions in zip(tokens.words, tokens.positions, strict=True)}


def test_the_vocabulary_is_clips(tokenizer):
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


@pytest.mark.parametrize(
    ("prompt", "counts"),
    [
        ("a Samoyed dog", {"a": 1, "Samoyed": 2, "dog": 1}),
        ("A cat, sleeping!", {"A": 1, "cat": 1, ",": 1, "sleeping": 1, "!": 1}),
        ("a t-shirt", {"a": 1, "t-shirt": 3}),
        ("the dog's café", {"the": 1, "dog's": 2, "café": 1}),
        ("two  spaces", {"two": 1, "spaces": 1}),
        ("a 🐱 face", {"a": 1, "🐱": 1, "face": 1}),
    ],
)
def test_words_take_the_tokens_of_their_characters(adapter, prompt, counts):
    assert words(adapter, prompt) == counts


def test_a_prompt_that_is_too_long_says_what_falls_off(adapter):
    prompt = " ".join(["very"] * 74 + ["old", "castle", "ruin"])
    with pytest.raises(PromptError, match=r"has 77 tokens and the model reads 75; 'castle ruin' would fall off"):
        adapter.tokenize(prompt)


@pytest.mark.parametrize("narrow", [NARROW, pytest.param({}, marks=pytest.mark.slow)], ids=["narrow", "whole"])
def test_edits_run_and_act(tmp_path, narrow):
    dtype = fastest_dtype("cpu", 0 if narrow else LARGE)
    editor = Editor.from_pretrained(sd14_folder(tmp_path / "sd14", getattr(torch, dtype), narrow), "cpu")
    assert editor.model.dtype == dtype
    assert editor.model.native_size == (512, 512)
    assert editor.model.defaults.guidance_scale == 7.5
    source, targets = "a rabbit on the grass", ["a teddy bear on the grass", "a rabbit on the grass in autumn"]
    results = editor.generate_and_edit(
        source, targets, seed=1, num_inference_steps=2, size=(128, 192), equalizer={"grass": 2}
    )
    assert [result.image.size for result in results] == [(192, 128)] * 2
    # 16 layers of cross-attention, and at this size all 16 of self-attention but the 6 of 16 x 24 pixels or more.
    assert results[0].record.controlled_calls == 2 * (2 * 16)
    assert results[0].record.acted[0] == ("'rabbit' -> 'teddy bear'", "'grass' x 2")
    plain = editor.regenerate(results[0].source, targets[0])
    assert (plain.latents - results[0].latents).abs().max() > 0.1
    assert torch.isfinite(plain.latents).all()
