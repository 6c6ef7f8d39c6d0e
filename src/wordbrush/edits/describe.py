"""What an edit will do, in words: shown before it runs, and kept in its record."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from wordbrush.edits.borrowed import Borrowed
from wordbrush.tokens.align import WordPair
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.words import folded


def describe(
    pair: PromptPair,
    pairs: Sequence[WordPair],
    weights: Mapping[str, float],
    from_source_T: Tensor,
    where: Mapping[str, str],
    new_word_factor: float = 1.0,
) -> list[str]:
    """One line for each word that is not simply shared, and for each weight; `where` says where a weight acts if not
    everywhere.

    `pairs` are the words that the edit paired. `from_source_T` says which target tokens took a map of the source at
    any step; if a swapped word took none, its line says that the prompt alone changes it. `new_word_factor` is the
    factor by which new words were multiplied, 1 if none was.

    >>> import torch
    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def tokens(text): return PromptTokens.from_offsets(text, [], begin=1, length=8)
    >>> pair = PromptPair.of(tokens("a cat"), tokens("a dog in the snow"))
    >>> describe(pair, pair.pairs, {"dog": 2.0}, torch.ones(8).bool(), {})
    ["'cat' -> 'dog in the snow'", "'dog' x 2"]
    """
    lines = []
    for words in pairs:
        before, after = pair.source.phrase(words.source), pair.target.phrase(words.target)
        if words.kind == "swapped":
            positions = list(pair.target.of(words.target))
            alone = bool(positions) and not bool(from_source_T[positions].any())
            lines.append(f"'{before}' -> '{after}'{', by the prompt alone' if alone else ''}")
        elif words.kind == "new":
            lines.append(f"new: '{after}'")
        elif words.kind == "gone":
            lines.append(f"gone: '{before}'")
    if not lines and not pair.same_words:  # "an" for "a" counts only if nothing else changes
        lines = [
            f"'{pair.source.phrase(words.source)}' -> '{pair.target.phrase(words.target)}'"
            for words in pairs
            if folded(pair.source.phrase(words.source)) != folded(pair.target.phrase(words.target))
        ]
    if new_word_factor != 1:
        lines.append(f"new words x {new_word_factor:g}")
    return lines + [f"'{word}' x {factor:g}{where.get(word, '')}" for word, factor in weights.items()]


def describe_borrowed(steps: Sequence[Borrowed]) -> list[str]:
    """One line for mutual self-attention, and one for each half of Plug-and-Play, if they act.

    >>> describe_borrowed([Borrowed(), Borrowed(content=frozenset({"up.1.attn1", "up.2.attn1"}))])
    ['shape free from step 1 of 2: self-attention reads the source in 2 layers (up.1, up.2)']
    """
    count = len(steps)
    content, features, maps = (
        [getattr(step, name) for step in steps] for name in ("content", "features", "negative_maps")
    )
    lines = []
    if any(content):
        first, after = _span(content)
        until = f" to {after - 1}" if after < count else ""
        where = f"self-attention reads the source in {_layers(content)}"
        lines.append(f"shape free from step {first}{until} of {count}: {where}")
    if any(features):
        blocks = ", ".join(sorted(frozenset().union(*features)))
        lines.append(f"structure held for {_span(features)[1]} of {count} steps: the source's features in {blocks}")
    if any(maps):
        held = f"the source's self-attention maps in {_layers(maps)}"
        lines.append(f"structure held for {_span(maps)[1]} of {count} steps: {held}")
    return lines


def _span(chosen: Sequence[frozenset[str]]) -> tuple[int, int]:
    """The first step at which anything is chosen, and the step after the last."""
    acting = [step for step, names in enumerate(chosen) if names]
    return acting[0], acting[-1] + 1


def _layers(chosen: Iterable[frozenset[str]]) -> str:
    names = frozenset().union(*chosen)
    blocks = sorted({".".join(name.split(".")[:2]) for name in names})
    return f"{len(names)} layers ({', '.join(blocks)})"
