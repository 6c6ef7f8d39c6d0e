import pytest

from wordbrush.errors import PromptError, SettingsError
from wordbrush.maps.words import asked_words
from wordbrush.tokens.prompt_tokens import PromptTokens


def prompt(text: str, lost: int = 0) -> PromptTokens:
    """One token a word; the last `lost` words have none."""
    tokens = PromptTokens.from_offsets(text, [], begin=1, length=12)
    offsets = [(word.start, word.end) for word in tokens.words]
    return PromptTokens.from_offsets(text, offsets[: len(offsets) - lost], begin=1, length=12)


def names(found) -> dict[int, list[str]]:
    return {branch: [word.name for word in words] for branch, words in found.items()}


def test_a_word_counts_in_the_prompts_that_have_it():
    prompts = {0: prompt("a dog and a ball"), 1: prompt("a cat and a ball"), 2: prompt("snow")}
    assert names(asked_words(prompts, ["dog", "cat", "ball"])) == {0: ["dog", "ball"], 1: ["cat", "ball"]}


def test_phrases_occurrences_and_positions():
    found = asked_words({0: prompt("a cat and a cat")}, ["a cat[1]", "cat[0]", 0, 11])[0]
    assert [word.positions for word in found] == [(4, 5), (2,), (0,), (11,)]


def test_a_word_asked_twice_is_one():
    assert names(asked_words({0: prompt("a dog")}, ["dog", "Dog", "dog "])) == {0: ["dog"]}


@pytest.mark.parametrize(
    ("text", "selectors", "error", "message"),
    [
        ("a dog", ["cat"], PromptError, "word 'cat' is not in the prompt 'a dog'; its words are: a, dog"),
        ("a cat and a cat", ["cat"], PromptError, r"occurs twice .* say 'cat\[0\]' or 'cat\[1\]'"),
        ("a dog", [12], SettingsError, "there is no token 12; the model reads tokens 0 to 11"),
        ("a dog", [-1], SettingsError, "there is no token -1"),
        ("", None, PromptError, "has no words; ask for token positions"),
        ("a dog ,", [","], PromptError, "names no word|no token of its own"),
    ],
)
def test_what_cannot_be_asked_is_told(text, selectors, error, message):
    with pytest.raises(error, match=message):
        asked_words({0: prompt(text, lost=text.count(","))}, selectors)
