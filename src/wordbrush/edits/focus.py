"""Where a word's weight acts: that of an adjective or adverb in the region of its noun, any other everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wordbrush.tokens.modifiers import find_modified
from wordbrush.tokens.pair import PromptPair

WeightRegion = Literal["noun", "picture"]


@dataclass(frozen=True)
class Focus:
    """A noun of the source, by its tokens, and the weights of the target's words that act only in its region."""

    tokens: tuple[int, ...]
    equalizer: Mapping[str, float]


def find_focus(pair: PromptPair, equalizer: Mapping[str, float]) -> tuple[tuple[Focus, ...], Mapping[str, str]]:
    """The weights that act in a noun's region, noun by noun, and the words for where each weighted word acts.

    A word whose noun is not in the source acts everywhere, as a noun itself does.

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
        # The last word of a phrase says what it is: "very lush" is lush.
        found = find_modified(words, place[-1])
        tokens = () if found is None or found.whole_picture else _in_source(pair, found.noun)
        if found is not None and tokens:
            weights.setdefault(tokens, {})[word] = factor
            said[word] = f" in the region of '{pair.target.phrase(found.noun)}'"
    return tuple(Focus(tokens, equalizer) for tokens, equalizer in weights.items()), said


def _in_source(pair: PromptPair, noun: range) -> tuple[int, ...]:
    """The source's tokens of the words that correspond to a noun of the target."""
    stands_for = [words.source for words in pair.pairs if set(words.target) & set(noun)]
    return tuple(position for words in stands_for for position in pair.source.of(words))
