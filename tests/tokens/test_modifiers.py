from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.tokens.modifiers import find_modified, stands_before
from wordbrush.tokens.word_classes import WordClass, word_classes
from wordbrush.tokens.words import split_words


def owner(prompt: str, word: str) -> str | None:
    words = [unit.text for unit in split_words(prompt)]
    found = find_modified(words, words.index(word))
    return None if found is None else " ".join(words[i] for i in found.noun)


@pytest.mark.parametrize(
    ("prompt", "word", "noun"),
    [
        ("a smiling teddy bear", "smiling", "teddy bear"),
        ("a lush tree", "lush", "tree"),
        ("a boy playing happily with his dog", "happily", "boy"),
        ("a boy playing happily with his dog", "playing", "boy"),
        ("a photo of a tree full of leaves", "full", "tree"),
        ("The photo of a lion laughing with a big mouth", "laughing", "lion"),
        ("The photo of a lion laughing with a big mouth", "big", "mouth"),
        ("a black and white cat on a red sofa", "black", "cat"),
        ("a black and white cat on a red sofa", "red", "sofa"),
        ("a big, fluffy, brown dog", "big", "dog"),
        ("the roses on the table are very red", "very", "roses"),
        ("the roses on the table are very red", "red", "roses"),
        ("a beautifully decorated cake on a wooden table", "beautifully", "cake"),
        ("a man slowly walks in the rain", "slowly", "man"),
        ("a dog running fast on the beach", "fast", "dog"),
        ("a portrait of an old man, highly detailed", "highly", "man"),
        ("an orange cat eating an apple", "orange", "cat"),
        ("a snow-covered mountain", "snow-covered", "mountain"),
        ("a cat sleeps peacefully on a mat", "peacefully", "cat"),
        ("a golden car and a green bus", "green", "bus"),
    ],
)
def test_the_noun_that_a_word_belongs_to(prompt: str, word: str, noun: str) -> None:
    assert owner(prompt, word) == noun


@pytest.mark.parametrize(
    ("prompt", "word"),
    [("a lush tree", "tree"), ("a cat eating an orange", "orange"), ("a cat in autumn", "autumn"), ("red", "red")],
)
def test_what_is_a_noun_or_stands_alone_belongs_to_none(prompt: str, word: str) -> None:
    assert owner(prompt, word) is None


def test_what_describes_the_picture_acts_everywhere() -> None:
    words = "a vivid photo of a dog".split()
    found = find_modified(words, 1)
    assert found is not None
    assert found.whole_picture
    dog = find_modified("a photo of a vivid dog".split(), 4)
    assert dog is not None
    assert not dog.whole_picture


pieces = st.sampled_from(
    "a the red lush very happily cat dog and , of in with playing sleeping is photo teddy bear".split()
)


@given(st.lists(pieces, min_size=1, max_size=12), st.data())
def test_any_word_of_any_prompt_can_be_asked_for(words: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(words) - 1))
    found = find_modified(words, index)
    if found is not None:
        assert index not in found.noun
        assert 0 <= found.noun.start < found.noun.stop <= len(words)
        assert {words[i] for i in found.noun}.isdisjoint({"a", "the", "and", ",", "of", "in", "with", "is", "very"})


@given(st.lists(pieces, min_size=1, max_size=12), st.sets(st.sampled_from(get_args(WordClass))), st.data())
def test_what_stands_before_a_word_is_the_nearest_that_is_not_passed(words, passed, data) -> None:
    classes = word_classes(words)
    index = data.draw(st.integers(0, len(words)))
    found = stands_before(classes, index, passed)
    assert found is None or (found < index and classes[found] not in passed)
    between = classes[0 if found is None else found + 1 : index]
    assert set(between) <= passed


@pytest.mark.parametrize(
    ("prompt", "passed", "before"),
    [
        ("three big sleeping dogs", ("adjective", "participle"), "three"),
        ("three very big dogs", ("adjective", "participle"), "very"),  # a number is not looked for across an adverb
        ("a house in front of a red castle", ("determiner", "adjective"), "of"),
        ("on the very old shining mat", ("determiner", "adjective", "participle", "adverb"), "on"),
        ("big red dogs", ("adjective",), None),
    ],
)
def test_what_stands_before_a_noun(prompt, passed, before) -> None:
    words = prompt.split()
    found = stands_before(word_classes(words), len(words) - 1, passed)
    assert (None if found is None else words[found]) == before
