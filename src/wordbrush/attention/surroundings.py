"""A model call of a region alone: its positions are the only queries, and look at what surrounded them before.

The keys and values of the picture's other positions, and of the text, are those of the last call that ran whole (as in
RegionE and SpotEdit); the picture's are moved along with the region's (`drift`). Positions of the region come first on
both axes, then on that of the keys the other positions, then the text: attention does not depend on the order of its
keys.

Legend: B rows, H heads, Q queries, K keys, N positions of the picture, D head width.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.drift import Outside
from wordbrush.attention.region import Region
from wordbrush.attention.sites import AttentionCall, AttentionLayer

T = TypeVar("T")
Answer = Callable[[AttentionCall], Tensor]
"""Computes one attention."""


class _Around(NamedTuple):
    """Keys and values around a region, one behind the other as rows: those of the picture, and of the text; and a
    layer in which the region looks at them.
    """

    picture: Outside
    text_BHKD: Tensor
    layer: AttentionLayer

    @classmethod
    def of(cls, layer: AttentionLayer, region: Region, *whole: Tensor) -> "_Around":
        whole_BHKD = torch.cat(whole)
        picture_BHND = whole_BHKD[:, :, layer.image.start : layer.image.stop]
        inside_n, outside = (positions.to(whole_BHKD.device) for positions in region.at(layer.grid))
        text_BHKD = whole_BHKD[:, :, layer.text.start : layer.text.stop]
        picture = Outside(picture_BHND[:, :, outside], picture_BHND[:, :, inside_n], [2])
        return cls(picture, text_BHKD, region.among(layer))

    def with_inside(self, *inside: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and all values, the region's first."""
        inside_BHKD = torch.cat(inside)
        every_BHKD = torch.cat([inside_BHKD, self.picture.beside(inside_BHKD), self.text_BHKD], dim=2)
        keys, values = every_BHKD.chunk(2)
        return keys, values


class Surroundings:
    """What the last whole model call computed, for calls of a region alone: tensors (B, ...) by the name of a layer.

    Before each call `begin` says which rows it has and which region; with None it runs whole, and is kept.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.region: Region | None = None
        self._layout = BatchLayout(())
        self._at: list[int] = []
        self._layers: dict[str, AttentionLayer] = {}
        self._held: dict[str, tuple[Tensor, ...]] = {}
        self._cut: dict[str, object] = {}

    def begin(self, layout: BatchLayout, region: Region | None) -> None:
        """Prepare for a call; the rows of one of a region are among those that are held."""
        at = [] if region is None else [self._layout.position(row) for row in layout.rows]
        if region is None:
            self._layout = layout
            self._held.clear()
        if region is not self.region or at != self._at:
            self._cut.clear()
        self.region, self._at = region, at

    def hold(self, name: str, *tensors: Tensor) -> None:
        """Hold what a layer of a whole call saw or gave."""
        self._held[name] = tensors

    def held(self, name: str, cut: Callable[..., T]) -> T:
        """What `cut` makes of what is held of the rows of this call; it is made once for all calls of a region."""
        if name not in self._cut:
            every = self._at == list(range(len(self._layout.rows)))
            self._cut[name] = cut(*(tensor if every else tensor[self._at] for tensor in self._held[name]))
        made: T = self._cut[name]  # type: ignore[assignment]
        return made

    def keep(self, call: AttentionCall, answer: Answer) -> Tensor:
        """Compute one attention of a whole call."""
        if call.layer.image:
            self._layers[call.site.name] = call.layer
            self.hold(call.site.name, call.k, call.v)
        return answer(call)

    def attend(self, call: AttentionCall, answer: Answer) -> Tensor:
        """Compute one attention of a call of the region; what a text beside the picture would see is zero, for what
        it sees is not used.
        """
        its = call.layer
        if not its.image:
            return answer(call)
        region = self.region
        assert region is not None
        layer = self._layers[its.site.name]
        at = slice(its.image.start, its.image.stop)
        around = self.held(its.site.name, partial(_Around.of, layer, region))
        k_BHKD, v_BHKD = around.with_inside(call.k[:, :, at], call.v[:, :, at])
        inside = AttentionCall(around.layer, call.q[:, :, at], k_BHKD, v_BHKD, None, call.kernel)
        seen = answer(inside)
        if len(its.image) == call.q.shape[2]:
            return seen
        out_BHQD = torch.zeros_like(call.q)
        out_BHQD[:, :, at] = seen
        return out_BHQD
