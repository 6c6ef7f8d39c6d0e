"""Teach words to look at what they name (TokenCompose, Wang et al. 2023): scenes know every object's pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from wordbrush.scenes.captions import called
from wordbrush.scenes.scene import Scene
from wordbrush.scenes.vocabulary import PLACES

NUM_PHRASES = 3
"""Phrases of a caption that name something to see: subject, partner, place."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Where phrases stand in captions, (B, phrases, T) ones and zeros, and what they show, (B, phrases, h, w) shares.

    A phrase that a caption lacks has no tokens.
    """

    tokens: Tensor
    masks: Tensor

    def __getitem__(self, chosen: Tensor) -> "Truth":
        """The truth of some captions."""
        return Truth(self.tokens[chosen], self.masks[chosen])


def truth_of(scenes: Sequence[Scene], masks: Sequence[dict[str, NDArray[np.bool_]]], length: int, size: int) -> Truth:
    """What scenes with masks (H, W) say, for captions of `length` positions and maps of size x size."""
    tokens = torch.zeros(len(scenes), NUM_PHRASES, length)
    shown = torch.zeros(len(scenes), NUM_PHRASES, *masks[0][scenes[0].cast.subject].shape)
    for row, (scene, seen) in enumerate(zip(scenes, masks, strict=True)):
        cast = scene.cast
        words = scene.caption.split()
        for column, (noun, adjective) in enumerate(
            ((cast.subject, cast.subject_adjective), (cast.partner, cast.partner_adjective))
        ):
            if noun is None:
                continue
            name = called(cast, noun)
            for place in _places_of(f"{adjective} {name}" if adjective else name, words):
                tokens[row, column, place + 1] = 1  # the first position begins the text
            shown[row, column] = torch.from_numpy(seen[noun])
        if cast.place is not None:
            named = {PLACES[cast.place].split()[-1], cast.season}
            for place in (i for i, word in enumerate(words) if word in named):
                tokens[row, 2, place + 1] = 1
            shown[row, 2] = ~torch.from_numpy(np.logical_or.reduce(list(seen.values())))
    return Truth(tokens, functional.adaptive_avg_pool2d(shown, size))


def grounding_loss(maps: Sequence[Tensor], truth: Truth, weights: Tensor) -> Tensor:
    """How much of the words' attention falls beside what they name: maps (B, Q, T), weights (B,) of the samples."""
    present = truth.tokens.amax(-1)
    weights_BP = weights[:, None] * present
    total = torch.zeros((), device=weights.device)
    for map_BQT in maps:
        side = round(map_BQT.shape[1] ** 0.5)
        mask_BPQ = functional.adaptive_avg_pool2d(truth.masks, side).flatten(2)
        words_BPQ = truth.tokens @ map_BQT.transpose(1, 2)
        inside = (words_BPQ * mask_BPQ).sum(-1) / words_BPQ.sum(-1).clamp(min=1e-6)
        total = total + (weights_BP * (1 - inside).square()).sum() / weights_BP.sum().clamp(min=1e-6)
    return total / len(maps)


def _places_of(phrase: str, words: list[str]) -> range:
    parts = phrase.split()
    start = next(i for i in range(len(words)) if words[i : i + len(parts)] == parts)
    return range(start, start + len(parts))
