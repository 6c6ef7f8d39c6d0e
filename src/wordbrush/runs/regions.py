"""Where things of a kept source are, before an edit of it that acts in their regions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.sites import AttentionLayer, shared_layers
from wordbrush.attention.watch import Reading, token_columns
from wordbrush.edits.plan import Regions
from wordbrush.sampling.cells import region

THRESHOLD = 0.4
"""A thing is where its words' map is above this share of its highest value."""


class ThingWatch:
    """A `Watch` of a source's words: their maps at about ten steps, summed over heads, layers and steps.

    Steps from a fifth of the run on: before it, words look nowhere yet.
    """

    self_max_pixels = 0
    reads: Reading = "own"

    def __init__(
        self,
        things: Sequence[tuple[int, ...]],
        text_length: int,
        layers: Sequence[AttentionLayer],
        num_steps: int,
    ) -> None:
        """Look for things, each by its tokens in the source's prompt."""
        self._things = things
        self._steps = range(num_steps // 5, num_steps, max(num_steps // 10, 1))
        self._columns_KW = token_columns(text_length, things)
        seen = shared_layers(layers)
        self._layers = set(seen)
        self._grid = seen[0].grid
        self._sum: Tensor = torch.zeros(())

    def asks(self, step: int, branch: int) -> bool:
        """Of the source, at its steps."""
        return branch == SOURCE and step in self._steps

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """The things' words, in the layers where words have their clearest regions."""
        return self._columns_KW if layer in self._layers else None

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Add one layer's maps to those so far."""
        self._sum = self._sum + maps_HQW.float().sum(0).cpu()

    def regions(self) -> Regions:
        """Where each thing is."""
        maps_Whw = self._sum.T.reshape(len(self._things), *self._grid)
        found = region(maps_Whw, self._grid, THRESHOLD, pool=1)
        return dict(zip(self._things, found, strict=True))
