import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edits.test_token_map import prompts
from tokens.test_align import tokens
from wordbrush.edits.auto import auto
from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.edits.reweight import reweight
from wordbrush.errors import PromptError
from wordbrush.tokens.pair import PromptPair, Prompts, require_word
from wordbrush.tokens.prompt_tokens import PromptTokens


def letters(text: str, length: int = 40) -> PromptTokens:
    """Another encoder's tokens: no begin token, one token a letter, no more than fit."""
    offsets = [(i, i + 1) for i, letter in enumerate(text) if not letter.isspace()]
    return PromptTokens.from_offsets(text, offsets[: length - 1], begin=0, length=length)


def both(text: str) -> PromptTokens:
    return tokens(text).beside(letters(text))


@given(prompts, prompts, st.sampled_from([auto, refine]))
def test_encoders_on_one_axis_correspond_each_among_themselves(a, b, kind):
    whole = kind(PromptPair.of(both(a), both(b))).transfer_ST
    first = kind(PromptPair.of(tokens(a), tokens(b))).transfer_ST
    second = kind(PromptPair.of(letters(a), letters(b))).transfer_ST
    assert torch.equal(whole, torch.block_diag(first, second))


def test_a_word_has_the_tokens_of_all_encoders():
    prompt = both("a cat sleeps")
    length = tokens("").length
    assert prompt.find("cat") == (2, length + 1, length + 2, length + 3)
    assert prompt.length == length + 40
    weighted = reweight(prompt, {"cat": 3.0}).keep_T
    assert weighted.nonzero().flatten().tolist() == list(range(prompt.length))
    assert (weighted == 3).nonzero().flatten().tolist() == list(prompt.find("cat"))


def test_a_word_over_one_encoders_limit_has_those_of_the_other():
    text = "a cat " + "x" * 40 + " dog"
    assert letters(text).positions[-1] == ()
    assert both(text).find("dog") == tokens(text).find("dog")
    pair = PromptPair.of(both(text), both(text.replace("dog", "cow")))
    rows = replace(pair).transfer_ST.sum(dim=1)
    torch.testing.assert_close(rows, torch.ones(both(text).length))


def test_a_word_without_a_token_is_told():
    prompt = PromptTokens.from_offsets("a cat", [(0, 1)], begin=1, length=8)
    with pytest.raises(PromptError, match="'cat' has no token of its own in 'a cat'; ask for its neighbour"):
        prompt.find("cat")
    with pytest.raises(PromptError, match="has no token"):
        reweight(prompt, {"cat": 2.0})


def test_added_words_are_words_of_their_own():
    added = {"<cat-toy>", "<cat>"}
    prompt = PromptTokens.from_offsets(
        "a <cat-toy> on a mat", [(0, 1), (2, 11), (12, 14), (15, 16), (17, 20)], begin=1, length=9, added=added
    )
    assert [word.text for word in prompt.words] == ["a", "<cat-toy>", "on", "a", "mat"]
    assert prompt.find("<cat-toy>") == (2,)
    with pytest.raises(PromptError, match="word 'cat-toy' is not in the prompt"):
        prompt.find("cat-toy")


def test_a_word_counts_where_it_is_and_is_an_error_where_none_has_it():
    made = Prompts.of(tokens, "a cat", ["a dog", "a cow"])
    assert [prompt.text for prompt in made.targets] == ["a dog", "a cow"]
    require_word("dog", made.targets)
    with pytest.raises(PromptError, match="word 'cat' is in none of the prompts 'a dog', 'a cow'; name a word"):
        require_word("cat", made.targets)
    with pytest.raises(PromptError, match=r"blend word 'dgo' is in none .* did you mean 'dog'"):
        require_word("dgo", [made.source, *made.targets], "blend word")
    with pytest.raises(PromptError, match="word 'cat' is not in the prompt 'a dog'"):
        require_word("cat", made.targets[:1])
