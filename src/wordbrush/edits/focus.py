"""Where a word's weight acts: an adjective's or an adverb's where its noun is, every other word's everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wordbrush.tokens.modifiers import find_modified
from wordbrush.tokens.pair import PromptPair

WeightRegion = Literal["noun", "picture"]


@dataclass(frozen=True)
class Focus:
    """A noun of the source, by its tokens, and the weights of the target's words that act in its region alone."""

    tokens: tuple[int, ...]
    equalizer: Mapping[str, float]


def find_focus(pair: PromptPair, equalizer: Mapping[str, float]) -> tuple[tuple[Focus, ...], Mapping[str, str]]:
    """The weights that act in a noun's region, noun by noun; and what is said of where each of their words acts.

    A word whose noun is not in the source's picture acts everywhere, as a noun itself does.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> prompt = PromptTokens.from_offsets("a lush tree", [(0, 1), (2, 6), (7, 11)], begin=1, length=8)
    >>> find_focus(PromptPair.of(prompt, prompt), {"lush": 3.0, "tree": 2.0})
    ((Focus(tokens=(3,), equalizer={'lush': 3.0}),), {'lush': " in the region of 'tree'"})
    """
    weights: dict[tuple[int, ...], dict[str, float]] = {}
    said = {}
    words = [word.text for word in pair.target.words]
    for word, factor in equalizer.items():
        place = pair.target.places(word)[0]
        # Of a phrase the last word says what it is: "very lush" is lush.
        found = find_modified(words, place[-1])
        tokens = () if found is None or found.whole_picture else _in_source(pair, found.noun)
        if found is not None and tokens:
            weights.setdefault(tokens, {})[word] = factor
            said[word] = f" in the region of '{pair.target.phrase(found.noun)}'"
    return tuple(Focus(tokens, equalizer) for tokens, equalizer in weights.items()), said


def _in_source(pair: PromptPair, noun: range) -> tuple[int, ...]:
    """The source's tokens of the words that a noun of the target stands for."""
    stands_for = [words.source for words in pair.pairs if set(words.target) & set(noun)]
    return tuple(position for words in stands_for for position in pair.source.of(words))
