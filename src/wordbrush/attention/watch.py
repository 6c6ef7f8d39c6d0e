"""Looking at attention maps while a model runs: only the columns that are asked for are ever formed.

Legend: H heads, Q queries, K keys, W asked columns, D head width.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.sites import AttentionLayer

Reading = Literal["edited", "own"]
"""Of a branch that is edited: the map as its picture saw it (what the published code stores), or the branch's own."""


class Watch(Protocol):
    """Asks for maps of a run and receives them; it changes nothing of the run."""

    reads: Reading
    self_max_pixels: int
    """The largest self-attention that it asks for; 0 for none."""

    def asks(self, step: int, branch: int) -> bool:
        """Whether anything is asked of a branch at a step: a source that is asked runs, where no tape holds it."""
        ...

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """Weights over the tokens of a layer that reads the text (T, W), else over its image positions (Q, W), one
        column a word; None where nothing is asked. T may be more or fewer than a call has: what is asked is there.
        """
        ...

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Receive the picture's maps of the asked columns, in the model's dtype and on its device."""
        ...


def token_columns(length: int, columns: Iterable[Iterable[int]]) -> Tensor:
    """Weights (T, W) over `length` tokens that ask for the sum of the maps of each column's tokens.

    >>> token_columns(3, [(0, 2), (1,)]).tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    positions = [list(column) for column in columns]
    weights_TW = torch.zeros(length, len(positions))
    for column, tokens in enumerate(positions):
        weights_TW[tokens, column] = 1
    return weights_TW


def column_maps(
    layer: AttentionLayer, columns_KW: Tensor, like_HKD: Tensor, attend_values: Callable[[Tensor], Tensor]
) -> Tensor:
    """The attention maps (H,Q,W) of columns, each the weighted sum of the keys' maps, of the picture's queries.

    `attend_values` is one row's attention on values (1,H,K,D), edited or not: it is linear in its map, so values
    that are the columns give the columns of the map. They are as wide as the model's own values, whose device and
    dtype `like_HKD` has: another width would lose the fused kernel.
    """
    heads, keys, width = like_HKD.shape
    asked = layer.text or layer.image
    values_KW = columns_KW[: len(asked)].to(like_HKD)
    values_KW = F.pad(values_KW, (0, 0, asked.start, keys - asked.start - len(values_KW)))
    maps = []
    for part_KW in torch.split(values_KW, width, dim=1):
        count = part_KW.shape[1]
        values_1HKD = F.pad(part_KW, (0, width - count)).expand(1, heads, keys, width).contiguous()
        maps.append(attend_values(values_1HKD)[0, :, layer.queries.start : layer.queries.stop, :count])
    return torch.cat(maps, dim=2)
