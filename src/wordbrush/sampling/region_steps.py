"""Which steps of a run compute only the region that a local blend lets change, and which are whole."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.surroundings import Region, Surroundings
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.sampling.blender import Blender


class RegionStep(NamedTuple):
    """What the model calls of one step do: each keeps what it computes, or computes `region` among what it kept."""

    surroundings: tuple[Surroundings, ...]
    region: Region | None

    def call(self, number: int, layout: BatchLayout) -> Surroundings:
        """What one of the calls keeps or reads, prepared for its rows."""
        self.surroundings[number].begin(layout, self.region)
        return self.surroundings[number]


class RegionSteps:
    """When a run computes its region alone: at all but one of `region_interval` steps, once its blends have found it.

    The region is that of all targets together, grown by `region_halo` latent cells; it stays the same from one whole
    step to the next.
    """

    def __init__(self, patch: int | None, fast: Shortcuts, blends: Sequence[Blender], branches: Sequence[int]) -> None:
        """Begin with nothing held. `patch` is the network's; one without, or a target without a blend, has only whole
        steps.
        """
        held = {branch for blend in blends for branch in blend.branches}
        self.idle = patch is None or fast.region_interval == 1 or not set(branches) <= held
        self._patch, self._fast, self._blends = patch or 1, fast, blends
        self._surroundings = Surroundings(), Surroundings()
        self._since, self._layout = 0, BatchLayout(())
        self._region: Region | None = None

    def region(self, layout: BatchLayout) -> Region | None:
        """What a step with these rows can compute alone; None where it must be whole."""
        if (
            self.idle
            or self._since + 1 >= self._fast.region_interval
            or not set(layout.rows) <= set(self._layout.rows)
        ):
            return None
        if self._region is None:
            masks = [blend.changing for blend in self._blends]
            found = [mask for mask in masks if mask is not None]
            if len(found) == len(masks):
                self._region = Region.of(_positions(torch.cat(found), self._fast.region_halo, self._patch))
        return self._region

    def step(self, layout: BatchLayout, region: Region | None) -> RegionStep:
        """What a step does that computes `region`, or is whole."""
        if region is None:
            self._since, self._layout, self._region = 0, layout, None
        else:
            self._since += 1
        return RegionStep(self._surroundings, region)


def _positions(masks_Bhw: Tensor, halo: int, patch: int) -> Tensor:
    """A boolean (N,): the positions that have a cell of any mask, or one at most `halo` cells from it.

    >>> mask = torch.zeros(1, 2, 8, dtype=torch.bool)
    >>> mask[0, 0, 1] = True
    >>> _positions(mask, 1, 2).tolist(), _positions(mask, 3, 2).tolist()
    ([True, True, False, False], [True, True, True, False])
    """
    cells = masks_Bhw.any(dim=0)[None, None].float()
    grown = F.max_pool2d(cells, 2 * halo + 1, stride=1, padding=halo)
    return (F.max_pool2d(grown, patch) > 0).flatten()
