"""What a classifier says of a scene, as numbers."""

import torch
from torch import Tensor

from wordbrush.scenes.cast import Cast
from wordbrush.scenes.vocabulary import NOUNS, PLACES, STYLES

NOUN_NAMES = tuple(NOUNS)
PLACE_NAMES: tuple[str | None, ...] = (None, *PLACES)
STYLE_NAMES: tuple[str | None, ...] = (None, *STYLES)

NUM_LABELS = len(NOUN_NAMES) + len(PLACE_NAMES) + len(STYLE_NAMES)


def parts(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cut logits (B, labels) into those of nouns (each its own question), of places and of styles (one of each)."""
    first = len(NOUN_NAMES)
    second = first + len(PLACE_NAMES)
    return logits[:, :first], logits[:, first:second], logits[:, second:]


def encode(casts: list[Cast]) -> tuple[Tensor, Tensor, Tensor]:
    """The truth of casts: nouns (B, nouns) as 0 or 1, and the numbers (B,) of places and styles."""
    nouns = torch.zeros(len(casts), len(NOUN_NAMES))
    for row, cast in enumerate(casts):
        for word in (cast.subject, cast.partner):
            if word is not None:
                nouns[row, NOUN_NAMES.index(word)] = 1
    places = torch.tensor([PLACE_NAMES.index(cast.place) for cast in casts])
    styles = torch.tensor([STYLE_NAMES.index(cast.style) for cast in casts])
    return nouns, places, styles
