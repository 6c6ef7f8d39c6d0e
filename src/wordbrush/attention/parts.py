"""Edits of a part of the picture: queries that take the source's map from elsewhere, or have an edit of their own.

They act on rows of the map, as a token map acts on its columns: with r the part that position p is in,
`A*[p] = A_source[P(p)] @ transfer_r + A_own[p] * keep_r`. Legend: H heads, Q queries, K keys, D head width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from wordbrush.attention.attend import (
    Answered,
    CrossRow,
    Inputs,
    SelfRow,
    edited_cross,
    edited_joint,
    taken_over,
    unedited,
)
from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.attention.sites import AttentionLayer


@dataclass(frozen=True, eq=False)
class Part:
    """Queries of one batch row, by position, that get another answer than the row's other ones.

    `text` is the edit of their attention to the text, None for none.
    """

    row: int
    queries_Q: Tensor
    text: CrossRow | None


def moved(source: MapInputs, gather_Q: Tensor, queries: range, keys: range = range(0)) -> MapInputs:
    """A source's map with its rows moved, `map[gather]`, of the picture's `queries`; and its columns at `keys`."""
    q_HQD = source.q_HQD[:, _along(gather_Q, queries, source.q_HQD.shape[1])]
    k_HKD = source.k_HKD[:, _along(gather_Q, keys, source.k_HKD.shape[1])] if keys else source.k_HKD
    mask = source.mask_HQK
    if mask is not None and mask.shape[1] > 1:
        mask = mask[:, _along(gather_Q, queries, mask.shape[1])]
    if mask is not None and mask.shape[2] > 1 and keys:
        mask = mask[:, :, _along(gather_Q, keys, mask.shape[2])]
    log_sum = source.log_sum_HQ
    if log_sum is not None:  # other keys have another sum
        log_sum = None if keys else log_sum[:, _along(gather_Q, queries, log_sum.shape[1])]
    return MapInputs(q_HQD, k_HKD, mask, log_sum)


def positions(cells_n: Tensor, layer: AttentionLayer) -> Tensor:
    """Where cells of a layer's picture are on its query axis."""
    return cells_n + layer.queries.start


def answered(
    layer: AttentionLayer,
    given: Inputs,
    taken: Sequence[SelfRow],
    edited: Sequence[CrossRow],
    parts: Sequence[Part],
    kernel: Kernel,
) -> Answered:
    """One attention in which rows take over the source's, have their attention to the text edited, and differ in
    parts. A part costs one more call of the kernel, of its row alone.
    """
    inputs = taken_over(given, taken, layer.queries, layer.image) if taken else given
    whole = _edited(layer, inputs, edited, kernel)
    for part in parts:
        row = _one_row(inputs, part.row)
        text = [] if part.text is None else [replace(part.text, row=0)]
        its_BHQD = _edited(layer, row, text, kernel).out_BHQD
        whole.out_BHQD[part.row, :, part.queries_Q] = its_BHQD[0, :, part.queries_Q]
    return whole


def _edited(layer: AttentionLayer, inputs: Inputs, rows: Sequence[CrossRow], kernel: Kernel) -> Answered:
    """One call of the kernel, in which the given rows' attention to the text is edited."""
    if not rows:
        return unedited(inputs, kernel)
    if not layer.image:
        return edited_cross(inputs, rows, kernel)
    return edited_joint(inputs, rows, layer.text, layer.queries, kernel)


def _one_row(given: Inputs, row: int) -> Inputs:
    q, k, v, mask = given
    return Inputs(q[row : row + 1], k[row : row + 1], v[row : row + 1], None if mask is None else mask[row : row + 1])


def _along(gather_Q: Tensor, moved: range, length: int) -> Tensor:
    """An index along an axis that moves the `moved` positions, in their own order, and leaves all others."""
    index = torch.arange(length)
    index[moved.start : moved.stop] = gather_Q + moved.start
    return index
