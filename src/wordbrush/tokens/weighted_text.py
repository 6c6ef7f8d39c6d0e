"""Weights written into a prompt, as the Stable Diffusion web UI and its descendants read them.

`(word)` is 1.1 times the attention, `((word))` 1.21 times, `[word]` 1 / 1.1 times, `(word:1.3)` 1.3 times; `\\(` is a
bracket. What is no such mark is the prompt's own text. `[from:to:when]` and `[a|b]` are other things: they change the
words at some steps, which is what an edit's windows are for, and they are left as they stand.
"""

import re
from dataclasses import dataclass, field

from wordbrush.tokens.words import selector_of, split_words

_STEP = 1.1
_TOKEN = re.compile(
    r"(?P<escaped>\\[()\[\]\\])"
    r"|(?P<schedule>\[[^()\[\]]*[:|][^()\[\]]*\])"
    r"|(?P<open>[(\[])"
    r"|:\s*(?P<factor>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)"
    r"|(?P<close>[)\]])"
    r"|(?P<text>[^\\()\[\]:]+|.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class WeightedText:
    """A prompt without its marks, and the factors that they gave, by selector."""

    text: str
    weights: dict[str, float] = field(default_factory=dict)


def read_weights(prompt: str) -> WeightedText:
    r"""Read the weights that are written into a prompt; one without any comes back as it is.

    >>> read_weights(r"a (red:1.5) cat, ((smiling)) [thing] \(1\)")
    WeightedText(text='a red cat, smiling thing (1)', weights={'red': 1.5, 'smiling': 1.21, 'thing': 0.909})
    >>> read_weights("a cat, 3:2 [cat:dog:0.5]").weights
    {}
    """
    factors: list[float] = []
    letters: list[str] = []
    opened: list[tuple[str, int]] = []
    marked = False
    for match in _TOKEN.finditer(prompt):
        kind, text = match.lastgroup, match.group()
        if kind == "open":
            opened.append((text, len(letters)))
        elif kind in ("close", "factor") and _closes(opened, text[-1]):
            step = float(match["factor"]) if kind == "factor" else _STEP if text == ")" else 1 / _STEP
            start = opened.pop()[1]
            factors[start:] = [factor * step for factor in factors[start:]]
            marked = True
        else:
            plain = text[1:] if kind == "escaped" else text
            marked = marked or kind == "escaped"
            letters += plain
            factors += [1.0] * len(plain)
    if not marked or opened:
        return WeightedText(prompt)
    found = "".join(letters)
    places = {i: factors[word.start] for i, word in enumerate(split_words(found)) if factors[word.start] != 1}
    named = {i: factor for i, factor in places.items() if any(map(str.isalnum, split_words(found)[i].text))}
    return WeightedText(found, {selector_of(found, i): round(factor, 3) for i, factor in named.items()})


def _closes(opened: list[tuple[str, int]], mark: str) -> bool:
    return bool(opened) and opened[-1][0] == {")": "(", "]": "["}[mark]
