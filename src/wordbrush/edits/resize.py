"""A replaced thing of another size: which words name it, and how much larger or smaller the new one is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wordbrush.sizes.lookup import find_size
from wordbrush.sizes.ratio import picture_ratio
from wordbrush.tokens.modifiers import things
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens

ResizeKind = Literal["auto", "off"]
SMALLEST_RESIZE, LARGEST_RESIZE = 0.25, 4.0
"""The lowest and highest ratio of lengths; at these the area is a sixteenth, or sixteen times."""


@dataclass(frozen=True)
class Resize:
    """A replaced thing: the source's tokens of the old one, and the ratio of the new one's length to the old one's."""

    tokens: tuple[int, ...]
    ratio: float


def find_resizes(pair: PromptPair, resize: ResizeKind | float) -> tuple[tuple[Resize, ...], tuple[str, ...]]:
    """The things that a target replaces by larger or smaller ones, and a line about each.

    `resize` is "auto" for the ratio from the table of sizes, or one ratio for every replaced thing.

    >>> def tokens(text): return PromptTokens.from_offsets(text, [], begin=1, length=8)
    >>> pair = PromptPair.of(tokens("a dog eating an apple"), tokens("a dog eating a watermelon"))
    >>> find_resizes(pair, "auto")[1]
    ("'watermelon' 2 x as long as 'apple' (0.3 m and 0.08 m)",)
    """
    found, lines = [], []
    if resize == "off":
        return (), ()
    for old, new in _replaced(pair):
        before, after = pair.source.phrase(old), pair.target.phrase(new)
        if resize == "auto":
            ratio, line = _known_ratio(before, after, _others(pair.source, old))
        else:
            ratio, line = resize, f"'{after}' {resize:g} x as long as '{before}'"
        lines.append(line)
        if ratio != 1:
            found.append(Resize(pair.source.of(old), ratio))
    return tuple(found), tuple(lines)


def _replaced(pair: PromptPair) -> list[tuple[range, range]]:
    """The things of the source that one other thing of the target replaces."""
    olds, news = (things([word.text for word in prompt.words]) for prompt in (pair.source, pair.target))
    replaced = []
    for words in pair.pairs:
        old, new = _touched(olds, words.source), _touched(news, words.target)
        if words.kind == "swapped" and len(old) == len(new) == 1:
            replaced.append((old[0], new[0]))
    return list(dict.fromkeys(replaced))


def _touched(nouns: Sequence[range], words: range) -> list[range]:
    return [noun for noun in nouns if noun.start < words.stop and words.start < noun.stop]


def _others(prompt: PromptTokens, old: range) -> list[str]:
    return [prompt.phrase(noun) for noun in things([word.text for word in prompt.words]) if noun != old]


def _known_ratio(before: str, after: str, others: Sequence[str]) -> tuple[float, str]:
    old, new = find_size(before), find_size(after)
    if old is None or new is None:
        unknown = before if old is None else after
        return 1.0, f"no size of '{unknown}' is known: '{after}' as large as '{before}'"
    seen = [found.size for found in map(find_size, others) if found is not None]
    ratio = picture_ratio(old.size, new.size, seen)
    notes = "".join(f"; {found.note}" for found in (old, new) if found.note)
    told = f"{ratio:.3g} x as long as '{before}'" if ratio != 1 else f"as large as '{before}'"
    return ratio, f"'{after}' {told} ({new.size.metres:g} m and {old.size.metres:g} m){notes}"
