"""A thing's position in the picture, and that of its replacement of another size, as a map of positions.

It moves the source's queries: `softmax(q[P] k)` is exactly the source's attention map with its rows moved by P, so the
answer is still one fused call (decision 0026). Legend: Q positions of a grid, h and w its cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

SIDEWAYS = 3.0
"""How many cells sideways count as near as one up or down: grounds and skies are level."""


@dataclass(frozen=True, eq=False)
class Placement:
    """A thing's region (h, w), as booleans, and the ratio of its replacement's length to its own."""

    region_hw: Tensor
    ratio: float

    def on(self, grid: tuple[int, int]) -> Tensor:
        """From which position (Q,) each position of a grid takes the source's map.

        The thing is scaled about the middle of its lower edge, so that it stays on the same ground. Where a smaller
        one leaves cells free, the surroundings fill them. What is moved and filled then has a margin of one cell, so
        that no trace of the old thing remains.

        >>> region = torch.zeros(8, 8, dtype=torch.bool)
        >>> region[4:6, 3:5] = True
        >>> (Placement(region, 2.0).on((8, 8)) != torch.arange(64)).reshape(8, 8).long().sum(1).tolist()
        [0, 0, 4, 4, 4, 2, 0, 0]
        """
        thing_hw = on_grid(self.region_hw, grid)
        if not bool(thing_hw.any()):
            return torch.arange(thing_hw.numel())
        height, width = grid
        rows, columns = torch.nonzero(thing_hw, as_tuple=True)
        foot = float(rows.max()) + 1  # the lower edge of the lowest cell
        middle = (float(columns.min()) + float(columns.max()) + 1) / 2
        y = ((torch.arange(height) + 0.5 - foot) / self.ratio + foot).floor().long().clamp(0, height - 1)
        x = ((torch.arange(width) + 0.5 - middle) / self.ratio + middle).floor().long().clamp(0, width - 1)
        old_hw = thing_hw if self.ratio > 1 else on_grid(_grown(self.region_hw), grid)
        new_hw = old_hw[y][:, x]
        return torch.where(new_hw, y[:, None] * width + x, _filled(old_hw, new_hw)).flatten()


class Placements:
    """Several placements together. Where they overlap, the last one is in front.

    Each grid is worked out once, and asked for at every step: a fine one takes a part of the step's own time.
    """

    def __init__(self, each: Sequence[Placement]) -> None:
        """Begin without grids."""
        self._each = tuple(each)
        self._placed: dict[tuple[int, int], Tensor] = {}

    def on(self, grid: tuple[int, int]) -> Tensor:
        """From which position (Q,) each position of a grid takes the source's map."""
        if grid not in self._placed:
            own_Q = torch.arange(grid[0] * grid[1])
            gather_Q = own_Q.clone()
            for placement in self._each:
                placed_Q = placement.on(grid)
                gather_Q = torch.where(placed_Q != own_Q, placed_Q, gather_Q)
            self._placed[grid] = gather_Q
        return self._placed[grid]


def on_grid(region_hw: Tensor, grid: tuple[int, int]) -> Tensor:
    """A region on another grid: the cells of which it covers at least half.

    >>> on_grid(torch.tensor([[True, False], [False, False]]), (4, 4)).sum().item()
    4
    """
    return F.interpolate(region_hw[None, None].float(), size=grid, mode="area")[0, 0] >= 0.5


def _grown(region_hw: Tensor) -> Tensor:
    return F.max_pool2d(region_hw[None, None].float(), 3, stride=1, padding=1)[0, 0] > 0


def _filled(old_hw: Tensor, new_hw: Tensor) -> Tensor:
    """Each position's own index; where the old thing was and the new one is not, the nearest one outside both."""
    return nearest(old_hw & ~new_hw, ~(old_hw | new_hw))


def nearest(asking_hw: Tensor, giving_hw: Tensor) -> Tensor:
    """Each position's own index (h, w); for those that ask, that of the nearest one that gives, if any does.

    >>> asking = torch.tensor([[False, True, True, False]])
    >>> nearest(asking, torch.tensor([[True, False, False, False]])).tolist()
    [[0, 0, 0, 3]]
    """
    index_hw = torch.arange(asking_hw.numel()).reshape(asking_hw.shape)
    asking_hw = asking_hw & ~giving_hw  # who gives is nearest to itself
    if not bool(asking_hw.any()) or not bool(giving_hw.any()):
        return index_hw
    edge_hw = giving_hw & _grown(~giving_hw)  # within it, a neighbour is nearer
    scale = torch.tensor([SIDEWAYS, 1.0])
    nearest_n = torch.cdist(asking_hw.nonzero() * scale, edge_hw.nonzero() * scale).argmin(dim=1)
    index_hw[asking_hw] = index_hw[edge_hw][nearest_n]
    return index_hw
