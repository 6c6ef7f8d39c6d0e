import pytest

from tokens.test_align import tokens
from wordbrush.edits.focus import find_focus
from wordbrush.edits.resize import find_resizes
from wordbrush.tokens.pair import PromptPair


def pair(source: str, target: str) -> PromptPair:
    return PromptPair.of(tokens(source), tokens(target))


@pytest.mark.parametrize(
    ("source", "target", "ratio", "said"),
    [
        ("a dog eating an apple", "a dog eating a watermelon", 2.0, "'watermelon' 2 x as long as 'apple'"),
        ("a cat", "a bear", 1.13, "'bear' 1.13 x as long as 'cat'"),
        ("a dog eating an apple", "a cat eating an apple", 0.575, "'cat' 0.575 x as long as 'dog'"),
        ("a bear on a mat", "a spaniel on a mat", 0.5, "the size of 'spaniel' is taken from 'dog'"),
        ("a small cat on a bike", "a big bear on a bike", 2.0, "'bear' 2 x"),
    ],
)
def test_a_replaced_thing_gets_the_ratio_of_the_sizes(source, target, ratio, said):
    (resize,), (line,) = find_resizes(pair(source, target), "auto")
    assert resize.ratio == pytest.approx(ratio, abs=0.01)
    assert said in line


def test_things_of_one_size_and_unknown_ones_stay_and_it_is_said():
    assert find_resizes(pair("an apple", "an orange"), "auto") == (
        (),
        ("'orange' as large as 'apple' (0.08 m and 0.08 m)",),
    )
    assert find_resizes(pair("an apple", "a zorgon"), "auto") == (
        (),
        ("no size of 'zorgon' is known: 'zorgon' as large as 'apple'",),
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [("a cat", "a cat in the snow"), ("a red car", "a blue car"), ("a cat", "a dog and a mouse"), ("a cat", "a cat")],
)
def test_where_nothing_is_replaced_nothing_is_resized(source, target):
    assert find_resizes(pair(source, target), 2.0) == ((), ())


def test_a_ratio_that_is_given_needs_no_table():
    (resize,), lines = find_resizes(pair("a flarb on a mat", "a zorgon on a mat"), 1.5)
    assert (resize.ratio, lines) == (1.5, ("'zorgon' 1.5 x as long as 'flarb'",))
    assert find_resizes(pair("a cat", "a bear"), "off") == ((), ())


def test_a_compound_is_one_thing_and_its_region_that_of_all_its_words():
    both = pair("a teddy bear", "a polar bear")
    (resize,), _ = find_resizes(both, "auto")
    assert resize.tokens == both.source.of(range(1, 3))


def test_weights_act_where_their_nouns_are_in_the_source():
    both = pair("a lush tree and a house", "a lush oak and an old house")
    focus, said = find_focus(both, {"lush": 3.0, "oak": 2.0, "old": 0.5, "house": 0.5})
    assert [(noun.tokens, dict(noun.equalizer)) for noun in focus] == [
        (both.source.find("tree"), {"lush": 3.0}),
        (both.source.find("house"), {"old": 0.5}),
    ]
    assert said == {"lush": " in the region of 'oak'", "old": " in the region of 'house'"}


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ("a photo of a dog", "a vivid photo of a dog", "vivid"),
        ("a dog", "a dog and a red ball", "red"),
        ("a dog", "a dog", "dog"),
    ],
)
def test_a_word_of_the_picture_or_of_a_new_thing_or_a_noun_acts_everywhere(source, target, word):
    assert find_focus(pair(source, target), {word: 2.0}) == ((), {})
