from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.errors import PromptError
from wordbrush.tokens.align import align_words, pair_every_word
from wordbrush.tokens.prompt_tokens import PromptTokens

words = st.sampled_from(["a", "an", "cat", "dog", "red", "on", "the", "mat", ",", "big"])
prompts = st.lists(words, max_size=9).map(" ".join)


def tokens(text: str, length: int = 40) -> PromptTokens:
    """One token a word; "teddy" and "rabbit" take two and three, as rare words do."""
    offsets = []
    for word in text.split():
        start = text.index(word, offsets[-1][1] if offsets else 0)
        pieces = {"teddy": 2, "rabbit": 3}.get(word, 1)
        cuts = [start + round(len(word) * i / pieces) for i in range(pieces + 1)]
        offsets += list(pairwise(cuts))
    return PromptTokens.from_offsets(text, offsets, begin=1, length=length)


def shown(pairs, source, target):
    return [(p.kind, source.phrase(p.source), target.phrase(p.target)) for p in pairs if p.kind != "same"]


@given(prompts, prompts)
def test_every_word_is_paired_once_and_in_order(a, b):
    source, target = tokens(a), tokens(b)
    pairs = align_words(source, target)
    assert [i for p in pairs for i in p.source] == list(range(len(source.words)))
    assert [j for p in pairs for j in p.target] == list(range(len(target.words)))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("a dog eating an apple", "a cat eating an apple", [("swapped", "dog", "cat")]),
        ("a dog eating an apple", "a cat eating a lemon", [("swapped", "dog", "cat"), ("swapped", "apple", "lemon")]),
        ("a rabbit on a mat", "a teddy bear on a mat", [("swapped", "rabbit", "teddy bear")]),
        ("a castle", "an oil painting of a castle", [("new", "", "an oil painting of")]),
        ("a big dog", "a dog", [("gone", "big", "")]),
        ("a car on the street", "a car on the street in autumn", [("new", "", "in autumn")]),
        ("A Cat", "a cat", []),
    ],
)
def test_pairs_of_the_papers_prompts(a, b, expected):
    source, target = tokens(a), tokens(b)
    assert shown(align_words(source, target), source, target) == expected


def test_replace_pairs_as_many_words_by_position():
    source, target = tokens("a cat dog"), tokens("a dog cat")
    assert shown(pair_every_word(source, target), source, target) == [
        ("swapped", "cat", "dog"),
        ("swapped", "dog", "cat"),
    ]


@pytest.mark.parametrize(
    ("a", "b", "word"), [("a cat", "a cat in autumn", "in autumn"), ("a big cat", "a cat", "big")]
)
def test_replace_names_the_word_without_a_partner(a, b, word):
    with pytest.raises(PromptError, match=f"'{word}'.*use edit='auto'"):
        pair_every_word(tokens(a), tokens(b))


@given(prompts)
def test_tokens_of_all_words_are_all_tokens(text):
    prompt = tokens(text)
    assert [p for positions in prompt.positions for p in positions] == list(range(1, prompt.segments[0].end.start))


def test_a_repeated_article_stays_with_its_noun():
    """The published aligner would pair the source's "a" with the first "a" of the target, away from its dog."""
    source, target = tokens("a dog"), tokens("a red mat on a dog")
    assert [(pair.source, pair.target) for pair in align_words(source, target) if pair.kind == "same"] == [
        (range(1), range(4, 5)),
        (range(1, 2), range(5, 6)),
    ]
