import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.errors import PromptError
from wordbrush.tokens.words import find_all_words, find_words, split_words


@given(st.text())
def test_words_are_the_prompt_without_spaces(prompt):
    words = split_words(prompt)
    assert "".join(word.text for word in words) == "".join(prompt.split())
    assert all(prompt[word.start : word.end] == word.text for word in words)


@pytest.mark.parametrize(
    ("prompt", "selector", "expected"),
    [
        ("a cat, sleeping", "cat", ["cat"]),
        ("a Cat sleeping", "cat", ["Cat"]),
        ("two  spaces  here", "here", ["here"]),
        ("a teddy bear and a bear", "teddy bear", ["teddy", "bear"]),
        ("cat and cat", "cat[0]", ["cat"]),
        ("a t-shirt, blue", "t-shirt", ["t-shirt"]),
        ("the dog's tail", "dog's", ["dog's"]),
    ],
)
def test_finds_words_by_their_characters(prompt, selector, expected):
    words = split_words(prompt)
    assert [words[i].text for i in find_words(prompt, selector)] == expected


def test_occurrences_count_from_zero():
    prompt = "a cat beside a cat"
    assert find_words(prompt, "cat[1]") == find_all_words(prompt, "cat")[1]


@pytest.mark.parametrize(
    ("prompt", "selector", "message"),
    [
        ("a cat", "dog", "word 'dog' is not in the prompt 'a cat'"),
        ("a cat", "catt", "did you mean 'cat'?"),
        ("cat and cat", "cat", r"occurs twice in 'cat and cat'; say 'cat\[0\]' or 'cat\[1\]'"),
        ("cat cat cat", "cat", "occurs 3 times"),
        ("cat and cat", "cat[2]", "is not in the prompt"),
        ("a cat", " ", "names no word"),
        ("", "cat", "the prompt is empty"),
    ],
)
def test_says_what_is_wrong_with_a_word(prompt, selector, message):
    with pytest.raises(PromptError, match=message):
        find_words(prompt, selector)
