import torch
from hypothesis import given
from hypothesis import strategies as st

from tokens.test_align import prompts, tokens
from wordbrush.edits.auto import auto
from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.edits.reweight import reweight
from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens

LENGTH = 6
numbers = st.floats(-3, 3, width=32)
maps = st.builds(
    lambda rows, keep: TokenMap(torch.tensor(rows), torch.tensor(keep)),
    st.lists(st.lists(numbers, min_size=LENGTH, max_size=LENGTH), min_size=LENGTH, max_size=LENGTH),
    st.lists(numbers, min_size=LENGTH, max_size=LENGTH),
)
swaps = st.sampled_from(
    [
        ("a rabbit on a mat", "a teddy bear on a mat"),
        ("a teddy bear on a mat", "a cat on a mat"),
        ("a cat and a dog", "a rabbit and a teddy"),
        ("rabbit", "cat"),
        ("a dog eating an apple", "a cat eating an apple"),
    ]
)


def attention(rows: int = 5, columns: int = LENGTH, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


def edited(token_map: TokenMap, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return source @ token_map.transfer_ST + target * token_map.keep_T


@given(maps, maps, maps)
def test_composition_is_associative(a, b, c):
    left, right = a.then(b).then(c), a.then(b.then(c))
    torch.testing.assert_close(left.transfer_ST, right.transfer_ST, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(left.keep_T, right.keep_T, rtol=1e-4, atol=1e-4)


@given(maps, maps)
def test_composition_is_doing_one_after_the_other(a, b):
    source, target = attention(), attention(seed=1)
    torch.testing.assert_close(
        edited(a.then(b), source, target), edited(b, source, edited(a, source, target)), rtol=1e-4, atol=1e-4
    )


@given(maps)
def test_identity_is_neutral_and_fading_to_nothing_gives_it(a):
    identity = TokenMap.identity(LENGTH, LENGTH)
    for same in (a.then(identity), identity.then(a)):
        assert torch.equal(same.transfer_ST, a.transfer_ST)
        assert torch.equal(same.keep_T, a.keep_T)
    assert a.faded(torch.zeros(LENGTH)).is_identity
    assert identity.is_identity


@given(swaps, st.sampled_from([replace, auto]))
def test_replacing_keeps_the_sums_of_rows(pair, kind):
    source, target = map(tokens, pair)
    maps_ = attention(columns=source.length)
    result = edited(kind(PromptPair.of(source, target)), maps_, attention(columns=target.length, seed=1))
    torch.testing.assert_close(result.sum(dim=1), maps_.sum(dim=1))


@given(prompts, prompts)
def test_replacing_any_prompts_keeps_the_sums_of_rows(a, b):
    words = min(len(a.split()), len(b.split()))
    source, target = (tokens(" ".join(text.split()[:words])) for text in (a, b))
    torch.testing.assert_close(
        replace(PromptPair.of(source, target)).transfer_ST.sum(dim=1), torch.ones(source.length)
    )


def framed(text: str, before: int, after: int, end: int) -> PromptTokens:
    """A prompt of one token a word, between `before` tokens, `end` tokens of a template, and padding behind them."""
    spans, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        spans.append((start, start + len(word)))
        start += len(word)
    length = before + len(spans) + end + after
    return PromptTokens.from_offsets(text, spans, begin=before, length=length, num_end=end)


@given(prompts, prompts, *[st.integers(0, 4)] * 4, st.integers(1, 3))
def test_axes_of_other_lengths_and_padding_that_begins_them_keep_the_sums_of_rows(
    a, b, before, more, after, rest, end
):
    words = min(len(a.split()), len(b.split()))
    sides = ((a, before + 1, after), (b, more + 1, rest))
    source, target = (framed(" ".join(t.split()[:words]), first, last, end) for t, first, last in sides)
    pair = PromptPair.of(source, target)
    transfer_ST = replace(pair).transfer_ST
    assert transfer_ST.shape == (source.length, target.length)
    torch.testing.assert_close(transfer_ST.sum(dim=1), torch.ones(source.length))
    weighted = replace(pair).then(reweight(target, {}))
    assert torch.equal(weighted.transfer_ST, transfer_ST)
    refined = refine(pair)
    assert ((refined.transfer_ST != 0).any(dim=0) | (refined.keep_T != 0)).all()


@given(prompts, prompts)
def test_no_target_token_is_left_without_a_map(a, b):
    for kind in (auto, refine):
        token_map = kind(PromptPair.of(tokens(a), tokens(b)))
        assert ((token_map.transfer_ST != 0).any(dim=0) | (token_map.keep_T != 0)).all()


def test_words_after_a_swap_of_unequal_token_counts_stay_aligned():
    """The published mapper sends "on" to the source's "mat" here."""
    source, target = tokens("a cat on a mat"), tokens("a rabbit on a mat")
    transfer_ST = replace(PromptPair.of(source, target)).transfer_ST
    for word in ("on", "mat"):
        assert transfer_ST[source.find(word)[0], target.find(word)[0]] == 1
    torch.testing.assert_close(
        transfer_ST[source.find("cat")[0], list(target.find("rabbit"))], torch.full((3,), 1 / 3)
    )


def test_three_tokens_gather_on_one():
    source, target = tokens("a rabbit"), tokens("a cat")
    assert replace(PromptPair.of(source, target)).transfer_ST[
        list(source.find("rabbit")), target.find("cat")[0]
    ].tolist() == [
        1,
        1,
        1,
    ]


@given(prompts)
def test_the_same_prompt_takes_over_every_map(text):
    prompt = tokens(text)
    for kind in (replace, refine, auto):
        assert torch.equal(kind(PromptPair.of(prompt, prompt)).transfer_ST, torch.eye(prompt.length))
        assert not kind(PromptPair.of(prompt, prompt)).uses_target


def test_auto_is_replace_for_swaps_and_refine_for_additions():
    swap = tokens("a rabbit on a mat"), tokens("a teddy bear on a mat")
    addition = tokens("a cat on a mat"), tokens("a big cat on a red mat")
    for pair, kind in ((swap, replace), (addition, refine)):
        assert torch.equal(auto(PromptPair.of(*pair)).transfer_ST, kind(PromptPair.of(*pair)).transfer_ST)
        assert torch.equal(auto(PromptPair.of(*pair)).keep_T, kind(PromptPair.of(*pair)).keep_T)


def test_reweighting_after_an_edit_scales_the_edited_map():
    source, target = tokens("a cat"), tokens("a dog")
    weighted = replace(PromptPair.of(source, target)).then(reweight(target, {"dog": -2.0}))
    column = target.find("dog")[0]
    assert torch.equal(
        weighted.transfer_ST[:, column], replace(PromptPair.of(source, target)).transfer_ST[:, column] * -2
    )
