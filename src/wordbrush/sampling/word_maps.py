"""The maps of a local blend's words in a run, as it goes on.

Legend: H heads, Q image queries, K text tokens, W columns asked for, B branches, h and w cells of the maps' grid.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.sites import AttentionLayer, shared_layers
from wordbrush.attention.watch import token_columns
from wordbrush.edits.blend_words import BlendTokens


class WordMaps:
    """Sums of words' maps over heads, layers (`sites.shared_layers`) and steps so far.

    A sum is the mean times a constant, and thresholds relative to the highest value do not depend on constants.
    """

    def __init__(
        self, tokens: Mapping[int, BlendTokens], text_length: int, layers: Sequence[AttentionLayer], *, spread: bool
    ) -> None:
        """Ask for the words of the branches of `tokens`, and of the source; `layers` are all the model's layers.

        With `spread`, maps are carried along self-attention, in each step again.
        """
        self._branches = tuple(tokens)
        self._regions = max([1, *(len(words) for of in tokens.values() for words in (of.source, of.target))])
        self._columns = _columns(tokens, text_length, self._regions)
        seen = shared_layers(layers)
        self._layers, self.grid = set(seen), seen[0].grid
        self._sums: dict[int, Tensor] = {}
        self._spread: dict[int, Tensor] = {}
        self._spreads = spread
        self._carrying = {layer for layer in layers if spread and not layer.text and layer.grid == self.grid}
        self.self_max_pixels = max((layer.pixels for layer in self._carrying), default=0)

    @property
    def any(self) -> bool:
        """Whether there is a word to look at."""
        return bool(self._columns)

    @property
    def finite(self) -> bool:
        """Whether all that was seen is a number."""
        return all(bool(torch.isfinite(maps).all()) for maps in self._sums.values())

    def asks(self, branch: int) -> bool:
        """Whether a branch has words."""
        return branch in self._columns

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """A branch's words in the layers that give maps; its maps so far in the layers that carry them on."""
        if layer in self._carrying:
            return self._so_far(branch)
        return self._columns[branch] if layer in self._layers else None

    def take(self, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Add one layer's maps to the maps so far, or carry the maps so far through one more layer."""
        if layer in self._carrying:
            so_far_QW = self._so_far(branch)
            assert so_far_QW is not None  # `columns` returned it
            self._spread[branch] = (so_far_QW + maps_HQW.to(so_far_QW).mean(0)) / 2
            return
        maps_QW = maps_HQW.to(torch.promote_types(maps_HQW.dtype, torch.float32)).sum(0)
        self._sums[branch] = self._sums.get(branch, 0) + maps_QW

    def end_step(self) -> None:
        """Each step carries the maps so far again."""
        self._spread.clear()

    def of_targets(self) -> list[Tensor]:
        """The targets' maps (B, h, w): those of each region of words, and at last those of the words to subtract."""
        return self._stacked([(branch, 0) for branch in self._branches])

    def of_source(self) -> list[Tensor]:
        """The same maps in the source's prompt, of each target's words."""
        return self._stacked([(SOURCE, i * (self._regions + 1)) for i in range(len(self._branches))])

    def _stacked(self, first: Sequence[tuple[int, int]]) -> list[Tensor]:
        kinds = range(self._regions + 1)
        return [torch.stack([self._map(branch, column + kind) for branch, column in first]) for kind in kinds]

    def _so_far(self, branch: int) -> Tensor | None:
        return self._spread.get(branch, self._sums.get(branch))

    def _map(self, branch: int, column: int) -> Tensor:
        maps_QW = self._so_far(branch)
        assert maps_QW is not None  # every step looks at the words
        map_Q = maps_QW[:, column]
        return (map_Q - map_Q.min() if self._spreads else map_Q).reshape(self.grid)


def _columns(tokens: Mapping[int, BlendTokens], length: int, regions: int) -> dict[int, Tensor]:
    """The columns (K, W) of each branch: so many of a target's words, and one of those to subtract; the source has
    every target's.
    """
    if not any(target.named or target.subtracted for target in tokens.values()):
        return {}

    def columns(words: Sequence[Sequence[int]], subtracted: Sequence[int]) -> list[Sequence[int]]:
        return [*words, *[()] * (regions - len(words)), subtracted]

    targets = {branch: columns(target.target, target.subtract_target) for branch, target in tokens.items()}
    sources = [columns(target.source, target.subtract_source) for target in tokens.values()]
    asked = {SOURCE: [column for each in sources for column in each], **targets}
    return {branch: token_columns(length, of) for branch, of in asked.items()}
