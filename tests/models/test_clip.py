"""Words of textual inversion are words, of one vector or of several, wherever diffusers puts their tokens."""

import pytest
import torch
from diffusers import StableDiffusionPipeline

from wordbrush.errors import PromptError
from wordbrush.models.clip import added_words, clip_ids, clip_tokens
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline, tiny_tokenizer


def with_words(**vectors: int) -> StableDiffusionPipeline:
    """A pipeline into which diffusers itself loaded words of so many vectors."""
    pipeline = tiny_pipeline()
    for name, count in vectors.items():
        made = torch.randn(count, 32, generator=torch.Generator().manual_seed(count))
        pipeline.load_textual_inversion({f"<{name}>": made if count > 1 else made[0]}, token=f"<{name}>")
    return pipeline


def test_ids_and_places_are_those_of_diffusers():
    pipeline = with_words(toy=3, paint=1)
    prompt = "a <toy> on a mat, in <paint> and <toy>"
    written_out = pipeline.maybe_convert_prompt(prompt, pipeline.tokenizer)
    assert written_out != prompt
    expected = pipeline.tokenizer(written_out, padding="max_length", max_length=77, return_tensors="pt").input_ids
    assert torch.equal(clip_ids(pipeline.tokenizer, prompt), expected)
    tokens = clip_tokens(pipeline.tokenizer, prompt)
    numbers = expected[0]
    for selector, names in {"<toy>[0]": ["<toy>", "<toy>_1", "<toy>_2"], "<paint>": ["<paint>"], "mat": None}.items():
        positions = list(tokens.find(selector))
        names = names or pipeline.tokenizer.tokenize(selector)
        assert pipeline.tokenizer.convert_ids_to_tokens(numbers[positions].tolist()) == names
    assert [word.text for word in tokens.words].count("<toy>") == 2


def test_without_added_words_nothing_changes():
    tokenizer = tiny_tokenizer()
    assert added_words(tokenizer) == {}
    prompt = "a dog, eating an apple"
    assert torch.equal(
        clip_ids(tokenizer, prompt),
        tokenizer(prompt, padding="max_length", max_length=77, return_tensors="pt").input_ids,
    )


def test_all_vectors_count_towards_the_limit():
    pipeline = with_words(toy=40)
    with pytest.raises(PromptError, match=r"has 8\d tokens and the model reads 75; '.*<toy>' would fall off"):
        clip_tokens(pipeline.tokenizer, "a <toy> and <toy>")
