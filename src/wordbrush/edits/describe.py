"""What an edit will do, in words: shown before it runs, kept in its record."""

from collections.abc import Mapping

from wordbrush.tokens.align import align_words
from wordbrush.tokens.prompt_tokens import PromptTokens


def describe(source: PromptTokens, target: PromptTokens, equalizer: Mapping[str, float]) -> list[str]:
    """One line for each word that is not simply shared, and for each weight.

    >>> def tokens(text): return PromptTokens.from_offsets(text, [], begin=1, length=8)
    >>> describe(tokens("a cat"), tokens("a dog in the snow"), {"dog": 2.0})
    ["'cat' -> 'dog in the snow'", "'dog' x 2"]
    """
    lines = []
    for pair in align_words(source, target):
        before, after = source.phrase(pair.source), target.phrase(pair.target)
        if pair.kind == "swapped":
            lines.append(f"'{before}' -> '{after}'")
        elif pair.kind == "new":
            lines.append(f"new: '{after}'")
        elif pair.kind == "gone":
            lines.append(f"gone: '{before}'")
    return lines + [f"'{word}' x {factor:g}" for word, factor in equalizer.items()]
