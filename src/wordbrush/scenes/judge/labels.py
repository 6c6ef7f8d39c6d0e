"""What the judge says of each cell of a picture, a thing or else the place, and of the whole picture's style."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from wordbrush.scenes.vocabulary import NOUNS, PLACES, STYLES

NOUN_NAMES = tuple(NOUNS)
PLACE_NAMES: tuple[str | None, ...] = (None, *PLACES)
STYLE_NAMES: tuple[str | None, ...] = (None, *STYLES)

NUM_CELL_CLASSES = len(NOUN_NAMES) + len(PLACE_NAMES)
NUM_LABELS = NUM_CELL_CLASSES + len(STYLE_NAMES)


def parts(logits_BLhw: Tensor) -> tuple[Tensor, Tensor]:
    """Split the network's output into what each cell shows (B, classes, h, w) and the picture's style (B, styles)."""
    return logits_BLhw[:, :NUM_CELL_CLASSES], logits_BLhw[:, NUM_CELL_CLASSES:].mean(dim=(2, 3))


def cell_classes(shares: dict[str, Tensor], place: str | None) -> Tensor:
    """The class of each cell (h, w): what covers most of it, given the share (h, w) that each noun covers."""
    behind = 1 - torch.stack(list(shares.values())).sum(0)
    covering = torch.stack([behind, *shares.values()]).argmax(0)
    numbers = [len(NOUN_NAMES) + PLACE_NAMES.index(place), *map(NOUN_NAMES.index, shares)]
    return torch.tensor(numbers)[covering]


def classes_of_masks(masks: Mapping[str, NDArray[np.bool_]], place: str | None, cells: int) -> Tensor:
    """The class of each cell (cells, cells), from the mask (H, W) of each noun."""
    shares = {
        noun: functional.adaptive_avg_pool2d(torch.from_numpy(mask).float()[None], cells)[0]
        for noun, mask in masks.items()
    }
    return cell_classes(shares, place)
