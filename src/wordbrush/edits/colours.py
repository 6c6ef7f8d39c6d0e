"""Which colour two prompts give to a thing, where that is what differs."""

from typing import NamedTuple

from PIL import ImageColor

from wordbrush.edits.change_kind import describing
from wordbrush.tokens.pair import PromptPair

_MORE = {"golden": "gold", "silvery": "silver", "violet": "blueviolet", "scarlet": "crimson"}
"""Words for colours that have another name in the list of the web's colours, which Pillow knows."""


class Paint(NamedTuple):
    """A thing's words, and the colour that it is to have: red, green and blue, from 0 to 255."""

    words: tuple[str, ...]
    colour: tuple[int, int, int]


def painted(pair: PromptPair) -> Paint | None:
    """The one thing to which the words that differ give one colour; None if they give none, or anything else.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def paint(*texts):
    ...     return painted(PromptPair.of(*[PromptTokens.words_of(text) for text in texts]))
    >>> paint("a fox wearing a red hat", "a fox wearing a blue hat"), paint("a teddy bear", "a golden teddy bear")
    (Paint(words=('hat',), colour=(0, 0, 255)), Paint(words=('teddy', 'bear'), colour=(255, 215, 0)))
    >>> paint("a red hat", "a hat"), paint("a hat", "a striped hat"), paint("a hat", "a red and blue hat")
    (None, None, None)
    >>> paint("a red hat and a blue hat", "a blue hat and a red hat")
    """
    before, after = describing(pair)
    if len(after) != 1 or len(before) > 1 or any(noun != after[0][1] for _, noun in before):
        return None
    ((word, noun),) = after
    name = _MORE.get(word, word)
    if name not in ImageColor.colormap or not all(len(pair.source.places(each)) == 1 for each in noun):
        return None
    red, green, blue = ImageColor.getrgb(name)[:3]
    return Paint(noun, (red, green, blue))
