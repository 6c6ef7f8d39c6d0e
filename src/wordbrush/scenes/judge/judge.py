"""Ask what a picture shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import ResNetConfig, ResNetForImageClassification

from wordbrush.scenes.judge.labels import NOUN_NAMES, NUM_LABELS, PLACE_NAMES, STYLE_NAMES, parts
from wordbrush.scenes.render import SIZE

WEIGHTS = Path(__file__).parent / "weights"

PRESENT = 0.5
"""A thing is there when its probability is at least this."""


@dataclass(frozen=True)
class Verdict:
    """What a picture shows: the probability of every noun, and the likeliest place and style (None: a plain one)."""

    nouns: dict[str, float]
    place: str | None
    style: str | None

    def shows(self, noun: str) -> bool:
        """Whether a noun of the vocabulary is there."""
        return self.nouns[noun] >= PRESENT


class Judge:
    """A small residual network, trained on rendered scenes alone; its accuracy is in the model card.

    >>> from wordbrush.scenes.batch import sample_batch
    >>> pictures, captions = sample_batch(seed=5, index=0, count=1)
    >>> captions[0], [noun for noun in Judge.load()(pictures[0]).nouns if Judge.load()(pictures[0]).shows(noun)]
    """

    def __init__(self, network: ResNetForImageClassification) -> None:
        """Use a network that is there; see `load`."""
        self._network = network.float().eval()

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> "Judge":
        """The judge that comes with the bundled model, or another of its kind."""
        return cls(ResNetForImageClassification.from_pretrained(folder))

    def __call__(self, picture: Image.Image | np.ndarray) -> Verdict:
        """Judge one picture of any size."""
        return self.all([picture])[0]

    @torch.no_grad()
    def all(self, pictures: Sequence[Image.Image | np.ndarray]) -> list[Verdict]:
        """Judge pictures of any size, each (h, w, 3) in bytes or an image."""
        pixels = np.stack([_sized(picture) for picture in pictures])
        nouns, places, styles = parts(self._network(as_input(torch.from_numpy(pixels))).logits)
        return [
            Verdict(dict(zip(NOUN_NAMES, row.tolist(), strict=True)), PLACE_NAMES[int(place)], STYLE_NAMES[int(style)])
            for row, place, style in zip(nouns.sigmoid(), places.argmax(1), styles.argmax(1), strict=True)
        ]


def build_network() -> ResNetForImageClassification:
    """An untrained network for (B, 3, 128, 128)."""
    return ResNetForImageClassification(
        ResNetConfig(
            num_channels=3,
            embedding_size=32,
            hidden_sizes=[48, 96, 160, 256],
            depths=[1, 2, 2, 1],
            layer_type="basic",
            num_labels=NUM_LABELS,
        )
    )


def as_input(pixels: Tensor) -> Tensor:
    """Pictures (B, size, size, 3) in bytes as (B, 3, size, size) in -1..1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def _sized(picture: Image.Image | np.ndarray) -> np.ndarray:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image = image.convert("RGB")
    return np.asarray(image if image.size == (SIZE, SIZE) else image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
