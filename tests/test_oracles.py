"""The oracle is checked before anything is measured by it, and where ours departs from it is written down here."""

from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush_bench.speed.materialised import plan_published, published_edit
from wordbrush_bench.tiny.stable_diffusion import WORDS, tiny_pipeline, tiny_tokenizer

LENGTH = 20
TOKENIZER = tiny_tokenizer(LENGTH)
PROMPTS = ["a dog eating an apple", "a cat eating an apple", "a dog eating an orange"]


def plan(source: str, target: str, kind: str = "refine", **options):
    return plan_published(TOKENIZER, [source, target], kind, num_steps=10, **options)


def published_map(source: str, target: str) -> tuple[Tensor, Tensor]:
    """The published refinement as weights (S, T) of source maps and (T,) of own maps."""
    edit = plan(source, target)
    assert edit.alphas is not None
    columns = torch.nn.functional.one_hot(edit.mapper[0] % LENGTH, LENGTH).T
    return columns * edit.alphas[0], 1 - edit.alphas[0]


@cache
def adapter() -> StableDiffusion:
    parts = tiny_pipeline(length=LENGTH)
    return StableDiffusion(TOKENIZER, parts.text_encoder, parts.unet, parts.vae, parts.scheduler.config)


def tokens(prompt: str) -> PromptTokens:
    return adapter().tokenize(prompt)


@pytest.mark.parametrize("windows", ["no edit", "empty windows"])
def test_without_an_edit_it_is_diffusers_pipeline(windows):
    pipeline = tiny_pipeline().to(torch.float64)  # in which both kernels round to the same
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    edit = None
    if windows == "empty windows":
        edit = plan_published(
            pipeline.tokenizer, PROMPTS, "replace", num_steps=5, cross_replace_steps=0.0, self_replace_steps=0.0
        ).to(pipeline.device, pipeline.dtype)
    ours = published_edit(pipeline, PROMPTS, edit, num_steps=5, guidance_scale=5.0, noise=noise)
    expected = pipeline(
        PROMPTS,
        num_inference_steps=5,
        guidance_scale=5.0,
        latents=noise.expand(len(PROMPTS), -1, -1, -1),
        output_type="latent",
    ).images
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10)


def test_it_leaves_the_models_own_processors():
    pipeline = tiny_pipeline()
    before = dict(pipeline.unet.attn_processors)
    noise = torch.zeros(1, 4, 16, 16)
    published_edit(pipeline, PROMPTS[:1], None, num_steps=1, guidance_scale=5.0, noise=noise)
    assert pipeline.unet.attn_processors == before


def test_refinement_by_hand():
    """Positions: begin 0, then "a dog" 1-2 and its end 3; "a big dog" has its end at 4, and padding goes j to j."""
    transfer_ST, own_T = published_map("a dog", "a big dog")
    assert transfer_ST.argmax(dim=0).tolist()[:8] == [0, 1, 0, 2, 3, 5, 6, 7]
    assert own_T.nonzero().flatten().tolist() == [2]


def test_a_swapped_word_keeps_its_own_map_in_refinement():
    assert published_map("a dog", "a cat")[1].nonzero().flatten().tolist() == [2]


def test_windows_and_weights_by_hand():
    windows = {"default_": 0.95, "cat": 0.28}
    edit = plan(
        "a dog", "a cat", "replace", cross_replace_steps=windows, self_replace_steps=0.38, equalizer={"cat": -2.0}
    )
    # Eleven rows for ten steps: int(0.95 * 11) = 10 and int(0.28 * 11) = 3, but int(0.38 * 10) = 3 for self-attention.
    assert edit.cross_alpha[:, 0, 1].tolist() == [1] * 10 + [0] * 1
    assert edit.cross_alpha[:, 0, 2].tolist() == [1] * 3 + [0] * 8
    assert edit.self_steps == range(3)
    assert edit.equalizer[0, :4].tolist() == [1, 1, -2, 1]


def test_maps_by_hand():
    source = torch.tensor([[[0.2, 0.3, 0.5]]])
    target = torch.tensor([[[0.6, 0.1, 0.3]]])
    maps = torch.stack([source, target]).repeat(1, 1, 1, 1)
    maps = torch.nn.functional.pad(maps, (0, LENGTH - 3))
    edit = plan("a", "big a", cross_replace_steps=1.0, self_replace_steps=1.0, equalizer={"a": 2.0})
    edited = edit(maps, True, 0)
    assert torch.equal(edited[0], maps[0])
    # begin from the source; "big" its own 0.1; "a" the source's 0.3 at position 1, twice.
    torch.testing.assert_close(edited[1, 0, 0, :3], torch.tensor([0.2, 0.1, 0.6]))
    assert torch.equal(edit(maps, False, 0)[1], maps[0]), "self-attention is the source's"
    assert torch.equal(edit(maps, False, 10)[1], maps[1]), "and the target's own outside of its window"
    large = torch.rand(2, 1, 17**2, 1)
    assert torch.equal(edit(large, False, 0), large), "and above 16 x 16 pixels"


@given(st.lists(st.sampled_from(sorted(WORDS)), max_size=6), st.lists(st.sampled_from(sorted(WORDS)), max_size=6))
def test_its_alignment_is_a_longest_common_subsequence(source, target):
    ids_S, ids_T = (TOKENIZER(" ".join(words)).input_ids for words in (source, target))
    transfer_ST, own_T = published_map(" ".join(source), " ".join(target))
    shared = [(int(transfer_ST[:, j].argmax()), j) for j in range(len(ids_T)) if not own_T[j]]
    assert all(ids_S[i] == ids_T[j] for i, j in shared)
    assert all(i < k for (i, _), (k, _) in pairwise(shared))
    longest = [[0] * (len(ids_T) + 1) for _ in range(len(ids_S) + 1)]
    for i, one in enumerate(ids_S):
        for j, other in enumerate(ids_T):
            longest[i + 1][j + 1] = longest[i][j] + 1 if one == other else max(longest[i][j + 1], longest[i + 1][j])
    assert len(shared) == longest[-1][-1]


@given(st.data())
@settings(max_examples=200)
def test_refinement_is_the_published_one_where_no_word_repeats_and_the_prompt_does_not_shrink(data):
    words = data.draw(st.permutations(sorted(WORDS - {"an"})))
    shared, new, gone = words[:5], words[5:14], words[14:19]
    source: list[str] = []
    target: list[str] = []
    for word in shared[: data.draw(st.integers(1, 5))]:
        lost = data.draw(st.integers(0, 1))
        added = data.draw(st.integers(lost, 2))
        source += [gone.pop() for _ in range(lost)] + [word]
        target += [new.pop() for _ in range(min(added, len(new)))] + [word]
    assume(len(target) >= len(source))
    ours = refine(PromptPair.of(tokens(" ".join(source)), tokens(" ".join(target))))
    transfer_ST, own_T = published_map(" ".join(source), " ".join(target))
    torch.testing.assert_close(ours.transfer_ST, transfer_ST, rtol=0, atol=0)
    torch.testing.assert_close(ours.keep_T, own_T, rtol=0, atol=0)


def test_of_repeated_words_ours_takes_the_run_and_the_published_one_the_first():
    """Published ties go to insertion, so the source's "a" reaches the new phrase's; ours keeps "a castle" whole."""
    source, target = "a castle", "a photo of a castle"
    published_ST, _ = published_map(source, target)
    ours = refine(PromptPair.of(tokens(source), tokens(target)))
    assert published_ST[1].nonzero().flatten().tolist() == [1]
    assert ours.transfer_ST[1].nonzero().flatten().tolist() == [4]
    assert torch.equal(ours.transfer_ST[2], published_ST[2])


def test_an_is_a_for_ours_and_another_word_for_the_published_one():
    assert published_map("a dog", "an orange")[1].nonzero().flatten().tolist() == [1, 2]
    assert refine(PromptPair.of(tokens("a dog"), tokens("an orange"))).keep_T.nonzero().flatten().tolist() == [2]


def test_where_a_prompt_shrinks_the_published_padding_takes_words_and_ours_does_not():
    source, target = "a big dog", "a dog"
    published_ST, _ = published_map(source, target)
    ours = refine(PromptPair.of(tokens(source), tokens(target)))
    end = tokens(source).segments[0].end.start
    assert published_ST[end, end] == 1, "padding at the place of the source's end token takes its map"
    assert ours.transfer_ST[end].nonzero().flatten().tolist() == [end - 1], "the end token goes to the end token alone"


@given(st.lists(st.tuples(*[st.sampled_from(sorted(WORDS))] * 2), min_size=1, max_size=8))
def test_replacement_of_equal_token_counts_is_the_published_identity(pairs):
    source, target = (" ".join(words) for words in zip(*pairs, strict=True))
    assert torch.equal(plan(source, target, "replace").mapper[0], torch.eye(LENGTH))
    ours = replace(PromptPair.of(tokens(source), tokens(target)))
    torch.testing.assert_close(ours.transfer_ST, torch.eye(LENGTH), rtol=0, atol=0)
    assert not ours.keep_T.any()
