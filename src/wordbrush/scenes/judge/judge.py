"""Asks what a picture shows, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file

from wordbrush.loading import refused
from wordbrush.scenes.judge.labels import NOUN_NAMES, PLACE_NAMES, STYLE_NAMES, parts
from wordbrush.scenes.judge.network import JudgeNetwork
from wordbrush.scenes.pixels import as_input
from wordbrush.scenes.render import SIZE

WEIGHTS = Path(__file__).parent / "judge.safetensors"

CELLS = SIZE // 8
"""The judge's cells on one side of a picture."""

PRESENT = 2 / CELLS**2
"""A thing is present if it covers at least this share of the picture. The smallest things in scenes cover more."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a picture shows: the share (nouns, h, w) of each cell that shows each noun, and the most likely place and
    style, None for plain ones.
    """

    shares: NDArray[np.float32]
    place: str | None
    style: str | None

    def shows(self, noun: str) -> bool:
        """Whether a noun of the vocabulary is present."""
        return bool(self.where(noun).mean() >= PRESENT)

    def where(self, noun: str) -> NDArray[np.bool_]:
        """The cells (h, w) that mostly show a noun."""
        mostly: NDArray[np.bool_] = self.shares[NOUN_NAMES.index(noun)] >= 0.5
        return mostly

    @property
    def nouns(self) -> frozenset[str]:
        """All nouns that are present."""
        return frozenset(noun for noun in NOUN_NAMES if self.shows(noun))


class Judge:
    """A small segmentation network, trained only on rendered scenes. The model card says how often it is right.

    >>> from wordbrush.scenes.batch import sample_batch
    >>> pictures, captions = sample_batch(seed=5, index=0, count=1)
    >>> verdict = Judge.load()(pictures[0])
    >>> verdict.where("dog").shape
    (16, 16)
    """

    def __init__(self, network: JudgeNetwork) -> None:
        """Use a network that is already built; see `load`."""
        self._network = network.float().eval()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Judge":
        """The judge that ships with the bundled model, or another of its kind.

        Raises `ModelError` for a file that does not hold one.
        """
        network = JudgeNetwork()
        try:
            network.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise refused(path, error) from error
        return cls(network)

    def __call__(self, picture: Image.Image | NDArray[np.uint8]) -> Verdict:
        """Judge one picture of any size."""
        return self.all([picture])[0]

    @torch.no_grad()
    def all(self, pictures: Sequence[Image.Image | NDArray[np.uint8]]) -> list[Verdict]:
        """Judge pictures of any size, each an image or bytes (h, w, 3)."""
        pixels = np.stack([_sized(picture) for picture in pictures])
        cells, styles = parts(self._network(as_input(torch.from_numpy(pixels))))
        shares = cells.softmax(1)
        places = shares[:, len(NOUN_NAMES) :].sum((2, 3)).argmax(1)
        return [
            Verdict(share.numpy(), PLACE_NAMES[place], STYLE_NAMES[style])
            for share, place, style in zip(
                shares[:, : len(NOUN_NAMES)], places.tolist(), styles.argmax(1).tolist(), strict=True
            )
        ]


def _sized(picture: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image = image.convert("RGB")
    return np.asarray(image if image.size == (SIZE, SIZE) else image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
