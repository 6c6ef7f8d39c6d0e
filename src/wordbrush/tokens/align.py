"""How the words of an edited prompt correspond to the words of its source: `Align(j)` of the report, section 2.3.3."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from wordbrush.errors import PromptError, cited
from wordbrush.tokens.prompt_tokens import PromptTokens

PairKind = Literal["same", "swapped", "new", "gone"]


@dataclass(frozen=True)
class WordPair:
    """Source words and the target words that stand in their place; one side is empty for "new" and "gone"."""

    kind: PairKind
    source: range
    target: range


def align_words(source: PromptTokens, target: PromptTokens) -> tuple[WordPair, ...]:
    """Pair the words of two prompts of any lengths, in order, by their longest matching runs.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def tokens(text): return PromptTokens.from_offsets(text, [], begin=1, length=8)
    >>> [pair.kind for pair in align_words(tokens("a cat sleeps"), tokens("a big dog sleeps now"))]
    ['same', 'swapped', 'same', 'new']
    """
    matcher = SequenceMatcher(
        a=[word.key for word in source.words], b=[word.key for word in target.words], autojunk=False
    )
    kinds: dict[str, PairKind] = {"equal": "same", "replace": "swapped", "insert": "new", "delete": "gone"}
    pairs: list[WordPair] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        pairs += _word_by_word(kinds[tag], range(i1, i2), range(j1, j2))
    return tuple(pairs)


def pair_every_word(source: PromptTokens, target: PromptTokens) -> tuple[WordPair, ...]:
    """Pair words so that none is left over, as text replacement needs: one by one where both prompts have as many.

    Raises `PromptError` when the prompts differ in length and a word has no partner.
    """
    if len(source.words) == len(target.words):
        return tuple(
            WordPair("same" if a.key == b.key else "swapped", range(i, i + 1), range(i, i + 1))
            for i, (a, b) in enumerate(zip(source.words, target.words, strict=True))
        )
    pairs = align_words(source, target)
    for pair in pairs:
        if pair.kind in ("new", "gone"):
            prompt, words = (target, pair.target) if pair.kind == "new" else (source, pair.source)
            raise PromptError(
                f"edit='replace' needs a partner for each word, and '{prompt.phrase(words)}' of "
                f"'{cited(prompt.text)}' has none; use edit='auto' or edit='refine'"
            )
    return pairs


def _word_by_word(kind: PairKind, source: range, target: range) -> Iterator[WordPair]:
    # Runs of as many words pair up one by one, so that each word takes over the map of its own counterpart.
    if kind in ("same", "swapped") and len(source) == len(target):
        for i, j in zip(source, target, strict=True):
            yield WordPair(kind, range(i, i + 1), range(j, j + 1))
    else:
        yield WordPair(kind, source, target)
