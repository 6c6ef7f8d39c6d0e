"""A model call of a region alone: its positions are the only queries, and look at what surrounded them before.

The keys and values of the picture's other positions, and of the text, are those of the last call that ran whole (as in
RegionE and SpotEdit). Positions of the region come first on both axes, then on that of the keys the text, then the
surroundings: attention does not depend on the order of its keys.

Legend: B rows, H heads, Q queries, K keys, D head width, N positions of the picture, n of the region, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.kernel import MapInputs
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.attention.tape import SourceTape

Answer = Callable[[AttentionCall], Tensor]
"""Computes one attention."""


@dataclass(frozen=True, eq=False)
class Region:
    """Positions of a transformer's picture (N of them in all): those of a region `inside_n`, and the others."""

    inside_n: Tensor
    outside: Tensor

    @classmethod
    def of(cls, cells_N: Tensor) -> "Region":
        """The region where a boolean is true.

        >>> Region.of(torch.tensor([False, True, False])).outside.tolist()
        [0, 2]
        """
        return cls(cells_N.nonzero()[:, 0], (~cells_N).nonzero()[:, 0])

    def layer(self, layer: AttentionLayer, text_length: int) -> AttentionLayer:
        """A layer in a call that has the region's positions and, of a text beside them, so many."""
        name, grid, text = layer.site.name, (1, len(self.inside_n)), layer.text
        if not layer.image:
            return AttentionLayer.cross(name, layer.heads, grid, len(text))
        if not text:
            return AttentionLayer.own(name, layer.heads, grid)
        first = text.start < layer.image.start
        return AttentionLayer.joint(name, layer.heads, grid, text_length, text_first=first)

    def around(self, layer: AttentionLayer) -> Tensor:
        """Where text and surroundings are on the key axis of a layer that looks at the picture."""
        return torch.cat([torch.tensor(layer.text, dtype=torch.long), self.outside + layer.image.start])

    def queries(self, layer: AttentionLayer) -> Tensor:
        """Where the region is on a layer's query axis."""
        return self.inside_n + layer.queries.start

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


@dataclass(frozen=True, eq=False)
class RegionTape:
    """A source's tape, of which a region's queries are read."""

    tape: SourceTape
    region: Region

    def read(self, step: int, name: str) -> MapInputs:
        """What the region's rows of the source's map are made of."""
        whole = self.tape.read(step, name)
        return self.region.map_of(whole, self.tape.layer(name).over(whole.k_HKD.shape[1]))


class Surroundings:
    """What the last whole model call computed, for calls of a region alone: keys and values by layer, and what left
    the last layer.

    Before each call `begin` says which rows it has and which region; with None it runs whole, and is kept.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.region: Region | None = None
        self._layout = BatchLayout(())
        self._at: list[int] = []
        self._seen: dict[str, tuple[AttentionLayer, Tensor, Tensor]] = {}
        self._around: dict[str, tuple[Tensor, Tensor]] = {}
        self._output_BNC = torch.empty(0)

    def begin(self, layout: BatchLayout, region: Region | None) -> None:
        """Prepare for a call; the rows of one of a region are among those that are held."""
        at = [] if region is None else [self._layout.position(row) for row in layout.rows]
        if region is None:
            self._layout = layout
        if region is not self.region or at != self._at:
            self._around.clear()
        self.region, self._at = region, at

    def keep(self, call: AttentionCall, answer: Answer) -> Tensor:
        """Compute one attention of a whole call."""
        if call.layer.image:
            self._seen[call.site.name] = call.layer, call.k, call.v
        return answer(call)

    def keep_output(self, output_BNC: Tensor) -> None:
        """Hold what a whole call gives at all positions."""
        self._output_BNC = output_BNC

    def attend(self, call: AttentionCall, answer: Answer) -> Tensor:
        """Compute one attention of a call of the region; what a text beside the picture would see is zero, for what
        it sees is not used.
        """
        its = call.layer
        if not its.image:
            return answer(call)
        around_k, around_v, layer = self._of(its.site.name)
        at = slice(its.image.start, its.image.stop)
        k_BHKD = torch.cat([call.k[:, :, at], around_k], dim=2)
        v_BHKD = torch.cat([call.v[:, :, at], around_v], dim=2)
        seen = answer(AttentionCall(layer, call.q[:, :, at], k_BHKD, v_BHKD, None, call.kernel))
        if len(its.image) == call.q.shape[2]:
            return seen
        out_BHQD = torch.zeros_like(call.q)
        out_BHQD[:, :, at] = seen
        return out_BHQD

    def put_back(self, output_BnC: Tensor) -> Tensor:
        """What a call of the region gives, among what the last whole one gave (B, N, C)."""
        assert self.region is not None
        output_BNC = self._output_BNC[self._at]
        output_BNC[:, self.region.inside_n] = output_BnC
        return output_BNC

    def _of(self, name: str) -> tuple[Tensor, Tensor, AttentionLayer]:
        """Keys and values around the region in a layer, and the layer as its region sees it."""
        assert self.region is not None
        layer, k, v = self._seen[name]
        if name not in self._around:
            around = self.region.around(layer).to(k.device)
            self._around[name] = k[self._at][:, :, around], v[self._at][:, :, around]
        grid, text = (1, len(self.region.inside_n)), len(layer.text)
        inside = AttentionLayer.joint(name, layer.heads, grid, text, text_first=False)
        return (*self._around[name], inside)
