"""A part of the picture that a model call computes alone, and what a source's recording has of it.

Legend: h, w cells of a grid, N positions of a layer's picture, n those of the region, H heads, Q queries, K keys.
"""

from dataclasses import dataclass, field, replace
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.kernel import MapInputs
from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.tape import SourceTape


class Positions(NamedTuple):
    """Positions of a layer's picture: those of a region, and all others."""

    inside_n: Tensor
    outside: Tensor


class Box(NamedTuple):
    """A rectangle of cells, from the first to behind the last."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, eq=False)
class Region:
    """Where a boolean over a grid of cells is true; a layer of a finer grid has several positions to a cell.

    >>> region = Region(torch.tensor([[False, True]]))
    >>> region.at((1, 2)).outside.tolist(), region.at((2, 4)).inside_n.tolist(), region.box((2, 4))
    ([0], [2, 3, 6, 7], Box(top=0, bottom=2, left=2, right=4))
    """

    cells_hw: Tensor
    _at: dict[tuple[int, int], Positions] = field(default_factory=dict, repr=False)

    def at(self, grid: tuple[int, int]) -> Positions:
        """Which positions of a grid it has, row by row."""
        if grid not in self._at:
            its = self.over(grid).flatten()
            self._at[grid] = Positions(its.nonzero()[:, 0], (~its).nonzero()[:, 0])
        return self._at[grid]

    def over(self, grid: tuple[int, int]) -> Tensor:
        """The same boolean over a grid that is as fine, or finer."""
        its = self.cells_hw
        for dim, side in enumerate(grid):
            its = its.repeat_interleave(side // self.cells_hw.shape[dim], dim)
        return its

    @property
    def grid(self) -> tuple[int, int]:
        """How many cells the picture is high and wide."""
        return self.cells_hw.shape[0], self.cells_hw.shape[1]

    @property
    def share(self) -> float:
        """The part of the picture that it is."""
        return float(self.cells_hw.float().mean())

    def box(self, grid: tuple[int, int]) -> Box:
        """The smallest rectangle of a grid that it is in."""
        ends: list[int] = []
        for dim, side in enumerate(grid):
            cells = self.cells_hw.any(dim=1 - dim).nonzero()[:, 0]
            factor = side // self.cells_hw.shape[dim]
            ends += [int(cells[0]) * factor, (int(cells[-1]) + 1) * factor]
        return Box(*ends)

    def layer(self, layer: AttentionLayer, text_length: int) -> AttentionLayer:
        """A layer in a call that has the region's positions and, of a text beside them, so many."""
        name, grid, text = layer.site.name, (1, len(self.at(layer.grid).inside_n)), layer.text
        if not layer.image:
            return AttentionLayer.cross(name, layer.heads, grid, len(text))
        if not text:
            return AttentionLayer.own(name, layer.heads, grid)
        first = text.start < layer.image.start
        return AttentionLayer.joint(name, layer.heads, grid, text_length, text_first=first)

    def among(self, layer: AttentionLayer) -> AttentionLayer:
        """A layer in which the region looks at the whole picture, itself first, and at the text behind it."""
        pixels, text = layer.pixels, len(layer.text)
        its = replace(layer, height=1, width=len(self.at(layer.grid).inside_n), padding=0)
        return replace(its, image=range(pixels), text=range(pixels, pixels + text))

    def around(self, layer: AttentionLayer) -> Tensor:
        """Where the rest of the picture, and the text, are on the key axis of a layer that looks at the picture."""
        text = torch.tensor(layer.text, dtype=torch.long)
        return torch.cat([self.at(layer.grid).outside + layer.image.start, text])

    def queries(self, layer: AttentionLayer) -> Tensor:
        """Where the region is on a layer's query axis."""
        return self.at(layer.grid).inside_n + layer.queries.start

    def map_of(self, whole: MapInputs, layer: AttentionLayer) -> MapInputs:
        """The rows of a whole map that are the region's."""
        queries = self.queries(layer)
        keys = torch.cat([queries, self.around(layer)]) if layer.image else torch.tensor(layer.text)
        mask = whole.mask_HQK
        if mask is not None:
            mask = (mask if mask.shape[1] == 1 else mask[:, queries])[:, :, keys]
        every, log_sum = len(keys) == whole.k_HKD.shape[1], whole.log_sum_HQ
        told = None if log_sum is None or not every else log_sum[:, queries]
        return MapInputs(whole.q_HQD[:, queries], whole.k_HKD[:, keys], mask, told)


class RegionForm(NamedTuple):
    """What regions a network can compute alone: of cells that are `patch` latent cells wide and high, any of them, or
    only a `box`. In latents of less than `least` cells in all it would gain nothing.
    """

    patch: int
    box: bool = False
    least: int = 0

    def fits(self, latent_size: tuple[int, int]) -> bool:
        """Whether latents (h, w) are a whole number of its cells, and enough."""
        return not any(side % self.patch for side in latent_size) and prod(latent_size) >= self.least

    def region(self, mask_hw: Tensor, halo: int) -> Region:
        """The region that has all latent cells of a boolean, and those at most `halo` cells from one.

        >>> mask = torch.zeros(2, 8, dtype=torch.bool)
        >>> mask[0, 1] = mask[0, 7] = True
        >>> RegionForm(2).region(mask, 1).cells_hw.tolist()
        [[True, True, False, True]]
        >>> RegionForm(2, box=True).region(mask, 0).cells_hw.tolist()
        [[True, True, True, True]]
        """
        grown = F.max_pool2d(mask_hw[None, None].float(), 2 * halo + 1, stride=1, padding=halo)
        cells_hw = F.max_pool2d(grown, self.patch)[0, 0] > 0
        found = Region(cells_hw)
        if not self.box or not found.share:
            return found
        top, bottom, left, right = found.box(found.grid)
        cells_hw[top:bottom, left:right] = True
        return Region(cells_hw)


@dataclass(frozen=True, eq=False)
class RegionTape:
    """A source's tape, of which a region's queries are read."""

    tape: SourceTape
    region: Region

    def read(self, step: int, name: str) -> MapInputs:
        """What the region's rows of the source's map are made of."""
        whole = self.tape.read(step, name)
        return self.region.map_of(whole, self.tape.layer(name).over(whole.k_HKD.shape[1]))
