"""How an edited prompt differs from its source, word by word, as chips show it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from wordbrush.tokens.align import PairKind, align_words
from wordbrush.tokens.prompt_tokens import PromptTokens

ChipKind = Literal["kept", "replaced", "added", "dropped"]
_KINDS: Mapping[PairKind, ChipKind] = {"same": "kept", "swapped": "replaced", "new": "added", "gone": "dropped"}


@dataclass(frozen=True)
class Chip:
    """A word of the target, or one that the source alone has ("dropped").

    `selector` names it in its prompt and no other, `stands_for` are the source's words in its place, `weight` is the
    factor of its attention.
    """

    text: str
    selector: str
    kind: ChipKind
    stands_for: str = ""
    weight: float = 1.0


def chips(source: str, target: str, weights: Mapping[str, float], added: Collection[str] = ()) -> tuple[Chip, ...]:
    """The chips of an edit, in the order in which they are read; punctuation has none. `added` are the words that were
    added to the model.

    >>> [(chip.text, chip.kind) for chip in chips("a dog, asleep", "a cat in the snow", {})]
    [('a', 'kept'), ('cat', 'replaced'), ('in', 'replaced'), ('the', 'replaced'), ('snow', 'replaced')]
    >>> [(chip.text, chip.kind, chip.weight) for chip in chips("a red dog", "a dog", {"dog": 2.0})]
    [('a', 'kept', 1.0), ('red', 'dropped', 1.0), ('dog', 'kept', 2.0)]
    """
    before, after = (PromptTokens.words_of(text, added) for text in (source, target))
    factors = {
        place: factor for selector, factor in weights.items() for words in after.places(selector) for place in words
    }
    found = []
    for pair in align_words(before, after):
        prompt, places = (before, pair.source) if pair.kind == "gone" else (after, pair.target)
        for place in places:
            text = prompt.words[place].text
            if any(map(str.isalnum, text)):
                weight = 1.0 if pair.kind == "gone" else factors.get(place, 1.0)
                found.append(Chip(text, prompt.selector(place), _KINDS[pair.kind], before.phrase(pair.source), weight))
    return tuple(found)
