"""Two prompts with what the source loses, what the target gains, and the target's weights marked, as data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wordbrush.tokens.align import align_words
from wordbrush.tokens.prompt_tokens import PromptTokens

Mark = Literal["", "lost", "gained"]


@dataclass(frozen=True)
class Piece:
    """A stretch of a prompt; a word that is weighted has its factor."""

    text: str
    weight: float | None = None


@dataclass(frozen=True)
class Phrase:
    """Pieces of a prompt that are marked as one. All phrases of a prompt together are its text."""

    pieces: tuple[Piece, ...]
    mark: Mark = ""


MarkedText = tuple[Phrase, ...]


def unmarked(text: str) -> MarkedText:
    """A text without marks."""
    return (Phrase((Piece(text),)),)


def marked_prompts(
    source: str, target: str, equalizer: Mapping[str, float], added: Collection[str] = ()
) -> tuple[MarkedText, MarkedText]:
    """Mark what an edit changes.

    Args:
        source: the source's prompt.
        target: the target's prompt.
        equalizer: the target's weights by word, or word and occurrence ("cat[1]").
        added: the words that were added to the model.

    >>> before, after = marked_prompts("a dog", "a cat", {"cat": 2})
    >>> [phrase for phrase in before if phrase.mark]
    [Phrase(pieces=(Piece(text='dog', weight=None),), mark='lost')]
    >>> [phrase for phrase in after if phrase.mark]
    [Phrase(pieces=(Piece(text='cat', weight=2),), mark='gained')]
    """
    before, after = (PromptTokens.words_of(text, added) for text in (source, target))
    pairs = align_words(before, after)
    weights = {
        word: factor for selector, factor in equalizer.items() for words in after.places(selector) for word in words
    }
    changed = [pair.kind != "same" for pair in pairs]
    return (
        _marked(before, [pair.source for pair in pairs], changed, "lost", {}),
        _marked(after, [pair.target for pair in pairs], changed, "gained", weights),
    )


def _marked(
    prompt: PromptTokens,
    ranges: Sequence[range],
    changed: Sequence[bool],
    mark: Mark,
    weights: Mapping[int, float],
) -> MarkedText:
    """Phrases of a prompt from ranges of its words, in order; what stands before a phrase is not marked with it."""
    phrases, done = [], 0
    for places, is_changed in zip(ranges, changed, strict=True):
        pieces: list[Piece] = []
        for place in places:
            word = prompt.words[place]
            between = Piece(prompt.text[done : word.start])
            if pieces:
                pieces.append(between)
            else:
                phrases.append(Phrase((between,)))
            pieces.append(Piece(word.text, weights.get(place)))
            done = word.end
        if pieces:
            phrases.append(Phrase(tuple(pieces), mark if is_changed else ""))
    return (*phrases, Phrase((Piece(prompt.text[done:]),)))
