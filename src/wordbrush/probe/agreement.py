"""How well a map of a word agrees with where the word acts.

Legend: N readings of a word in a picture, L layers, h and w the cells of latents.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.float64]
"""A number for each cell (h, w)."""


@dataclass(frozen=True, eq=False)
class WordReading:
    """A word in one picture: where dropping it changes the picture (h, w), and its map in each layer (h, w)."""

    prompt: str
    changes: Cells
    maps: dict[str, Cells]

    def agreement(self, layers: Iterable[str]) -> float:
        """The agreement of the mean of several layers' maps."""
        return agreement(np.mean([self.maps[layer] for layer in layers], axis=0), self.changes)


def agreement(map_hw: Cells, changes_hw: Cells) -> float:
    """The chance that a map is higher in a cell that changes than in one that does not: 1 is always, 0.5 is chance.

    It is the area under the map's ROC curve. The cells that change are the fewest that hold half of all change.

    >>> changes = np.array([[0.0, 0.1], [0.1, 0.9]])
    >>> agreement(changes, changes), agreement(-changes, changes), agreement(np.ones((2, 2)), changes)
    (1.0, 0.0, 0.5)
    """
    changed = changed_cells(changes_hw)
    apart = np.sort(map_hw[~changed])
    if not len(apart):
        return 0.5
    below = (np.searchsorted(apart, map_hw[changed], side) for side in ("left", "right"))
    return float(np.mean(sum(below) / 2) / len(apart))


def changed_cells(changes_hw: Cells) -> NDArray[np.bool_]:
    """The fewest cells that hold half of all change.

    >>> changed_cells(np.array([[0.0, 1.0], [2.0, 3.0]])).tolist()
    [[False, False], [False, True]]
    """
    flat = changes_hw.ravel()
    order = np.argsort(-flat, kind="stable")
    count = int(np.searchsorted(np.cumsum(flat[order]), flat.sum() / 2)) + 1
    changed = np.zeros(len(flat), dtype=bool)
    changed[order[:count]] = True
    return changed.reshape(changes_hw.shape)


@dataclass(frozen=True)
class WordChoice:
    """Layers to read words in, none where those that are read now stay; the mean agreement of these, and of the best
    ones where these were chosen by the other prompts (None of one prompt).
    """

    layers: tuple[str, ...]
    own: float
    held_out: float | None


def choose_words(
    readings: Sequence[WordReading], groups: Sequence[Sequence[str]], read_now: Sequence[str]
) -> WordChoice:
    """The best layers, if such a choice holds for prompts that it was not made by."""
    own, held_out = mean_agreement(readings, read_now), held_out_agreement(readings, groups)
    better = held_out is not None and held_out > own
    return WordChoice(best_layers(readings, groups) if better else (), own, held_out)


def mean_agreement(readings: Sequence[WordReading], layers: Sequence[str]) -> float:
    """The mean over readings of the agreement of these layers' mean map."""
    return float(np.mean([reading.agreement(layers) for reading in readings]))


def best_layers(readings: Sequence[WordReading], groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The layers whose mean map agrees best, in their order: in each group its best one, its best two, and so on are
    tried. Layers of a group have one resolution, since maps of several are never averaged.
    """
    tried = []
    for group in groups:
        ranked = sorted(group, key=lambda layer: -mean_agreement(readings, [layer]))
        for count in range(1, len(ranked) + 1):
            chosen = [layer for layer in group if layer in ranked[:count]]
            tried.append((mean_agreement(readings, chosen), -count, tuple(chosen)))
    return max(tried)[2]


def held_out_agreement(readings: Sequence[WordReading], groups: Sequence[Sequence[str]]) -> float | None:
    """The mean agreement of layers that were chosen by the other prompts alone; None of one prompt."""
    prompts = list(dict.fromkeys(reading.prompt for reading in readings))
    if len(prompts) < 2:
        return None
    found: list[float] = []
    for prompt in prompts:
        chosen = best_layers([reading for reading in readings if reading.prompt != prompt], groups)
        found += [reading.agreement(chosen) for reading in readings if reading.prompt == prompt]
    return float(np.mean(found))
