import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.tokens.weighted_text import read_weights
from wordbrush.tokens.words import find_words


@pytest.mark.parametrize(
    ("prompt", "text", "weights"),
    [
        ("a (red) cat", "a red cat", {"red": 1.1}),
        ("a ((red)) cat", "a red cat", {"red": 1.21}),
        ("a [red] cat", "a red cat", {"red": 0.909}),
        ("a (red cat:1.5)", "a red cat", {"red": 1.5, "cat": 1.5}),
        ("a (very (red:2) cat:0.5)", "a very red cat", {"very": 0.5, "cat": 0.5}),
        ("a (cat:-1), a (cat:.5)", "a cat, a cat", {"cat[0]": -1.0, "cat[1]": 0.5}),
        (r"a cat \(red\)", "a cat (red)", {}),
        ("a (red:1.0) cat", "a red cat", {}),
        ("a (red, cat:2)", "a red, cat", {"red": 2.0, "cat": 2.0}),
    ],
)
def test_weights_are_read_as_web_uis_read_them(prompt, text, weights):
    read = read_weights(prompt)
    assert (read.text, read.weights) == (text, weights)


@pytest.mark.parametrize(
    "prompt", ["a [dog:cat:0.5]", "a [dog|cat]", "at 3:2", "a (cat", "a cat)", "a (cat]", ":1.5)"]
)
def test_what_is_no_weight_stays_as_it_stands(prompt):
    assert read_weights(prompt).text == prompt
    assert read_weights(prompt).weights == {}


@given(st.text(alphabet=st.sampled_from("ab c,.():[]\\1|"), max_size=40))
def test_every_selector_names_a_word_of_the_text(prompt):
    read = read_weights(prompt)
    for selector in read.weights:
        assert len(find_words(read.text, selector)) == 1


@given(st.text(alphabet=st.characters(exclude_characters="()[]\\"), max_size=60))
def test_a_text_without_brackets_comes_back_as_it_is(prompt):
    assert read_weights(prompt).text == prompt
