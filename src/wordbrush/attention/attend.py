"""Edited attention with fused kernels: the edit is folded into the values, so no map is ever formed.

Legend: B rows, H heads, Q queries, K keys, S source tokens, T target tokens, D head width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from wordbrush.edits.plan import CrossEdit

Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""Scaled dot-product attention of q (B,H,Q,D), k (B,H,K,D), v (B,H,K,D) and a mask (B,H or 1,Q or 1,K) or None, as
the model itself calls it."""


class MapInputs(NamedTuple):
    """What one row's attention map is made of: queries, keys, and its mask (H or 1,Q or 1,K) if it has one."""

    q_HQD: Tensor
    k_HKD: Tensor
    mask_HQK: Tensor | None


@dataclass(frozen=True, eq=False)
class CrossRow:
    """One batch row whose attention to the text is edited, and the source's map; None where the edit needs none."""

    row: int
    edit: CrossEdit
    source: MapInputs | None


@dataclass(frozen=True, eq=False)
class SelfRow:
    """One batch row in which the picture's attention to itself takes over some of the source's; None stays its own.

    Queries and keys together, with the source's mask, are the source's map; keys and values are its content (mutual
    self-attention). In a layer that also reads the text, these are the image positions alone.
    """

    row: int
    q_HQD: Tensor | None
    k_HQD: Tensor
    v_HQD: Tensor | None
    mask_HQK: Tensor | None = None


class Inputs(NamedTuple):
    """All that one call of the kernel is given."""

    q_BHQD: Tensor
    k_BHKD: Tensor
    v_BHKD: Tensor
    mask_BHQK: Tensor | None


def taken_over(given: Inputs, rows: Sequence[SelfRow], image: range) -> Inputs:
    """The inputs of a call in which each given row has what it takes over, at the `image` positions.

    The kernel's answer then is `softmax(q k^T) v` of what was taken: still one fused call.
    """
    q, k, v = given.q_BHQD.clone(), given.k_BHKD.clone(), given.v_BHKD.clone()
    at = slice(image.start, image.stop)
    for controlled in rows:
        k[controlled.row, :, at] = controlled.k_HQD[:, at]
        if controlled.q_HQD is not None:
            q[controlled.row, :, at] = controlled.q_HQD[:, at]
        if controlled.v_HQD is not None:
            v[controlled.row, :, at] = controlled.v_HQD[:, at]
    masks = {controlled.row: controlled.mask_HQK for controlled in rows if controlled.q_HQD is not None}
    return Inputs(q, k, v, masked(given.mask_BHQK, masks, len(q)))


def edited_cross(given: Inputs, rows: Sequence[CrossRow], attend: Attend) -> Tensor:
    """Cross-attention in which each given row's map M* becomes `M_source @ transfer + M* * keep`.

    Attention is linear in its map, so `(A @ transfer) @ v = A @ (transfer @ v)`: the row runs with the source's q and
    k on folded values, and a second call adds what the row keeps of its own map, only where it keeps any.
    """
    q_BHQD, k_BHTD, v_BHTD, mask = given
    q, k, v = q_BHQD.clone(), k_BHTD.clone(), v_BHTD.clone()
    masks: dict[int, Tensor | None] = {}
    kept: list[CrossRow] = []
    kept_v: list[Tensor] = []
    for controlled in rows:
        row, token_map = controlled.row, controlled.edit.token_map
        own_v_HTD = token_map.keep_T[:, None] * v_BHTD[row]
        if not controlled.edit.uses_source:
            v[row] = own_v_HTD
            continue
        assert controlled.source is not None
        q[row], k[row], masks[row] = controlled.source
        v[row] = token_map.transfer_ST @ v_BHTD[row]
        if controlled.edit.uses_target:
            kept.append(controlled)
            kept_v.append(own_v_HTD)
    out_BHQD = attend(q, k, v, masked(mask, masks, len(q)))
    if kept:
        index = [controlled.row for controlled in kept]
        own_mask = None if mask is None else mask[index]
        out_BHQD[index] += attend(q_BHQD[index], k_BHTD[index], torch.stack(kept_v), own_mask)
    return out_BHQD


def edited_joint(given: Inputs, rows: Sequence[CrossRow], text: range, image: range, attend: Attend) -> Tensor:
    """Joint attention in which the picture's attention to the text is edited: of each given row's map M* the block
    (image queries, text keys) becomes `M_source @ transfer + M* * keep`; all else of M* stays as it is.

    Image queries see values of which the text's are `keep * V_text`; text queries, which would see them too, run once
    more with the plain ones. What comes from the source is one more call of image queries, on
    `[0; transfer @ V_text]`. Rows of the edited map need not sum to one: source and target may look at the text to
    different extents. With `own_mass` the rows of the source's block are scaled to the extent of M*: its attention
    among the words alone, times how much of M* is on the text.
    """
    q_BHQD, k_BHKD, v_BHKD, mask = given
    words, pixels = slice(text.start, text.stop), slice(image.start, image.stop)
    kept_BHKD = v_BHKD.clone()
    for controlled in rows:
        kept_BHKD[controlled.row, :, words] *= controlled.edit.token_map.keep_T[:, None]
    out_BHQD = attend(q_BHQD, k_BHKD, kept_BHKD, mask)
    for controlled in rows:
        row = controlled.row
        own = MapInputs(q_BHQD[row], k_BHKD[row], None if mask is None else mask[row])
        out_BHQD[row, :, words] = _queries(own, v_BHKD[row], words, attend)
        if controlled.edit.uses_source:
            out_BHQD[row, :, pixels] += _from_source(controlled, own, v_BHKD[row], words, pixels, attend)
    return out_BHQD


def _from_source(
    controlled: CrossRow, own: MapInputs, v_HKD: Tensor, words: slice, pixels: slice, attend: Attend
) -> Tensor:
    """What the source's block of the map adds to a row's image queries."""
    source, v_text_HTD = controlled.source, v_HKD[:, words]
    assert source is not None
    moved_HTD = controlled.edit.token_map.transfer_ST @ v_text_HTD
    if not controlled.edit.own_mass:
        return _queries(source, _text_alone(v_HKD, words, moved_HTD), pixels, attend)
    mass_HQD = _queries(own, _text_alone(v_HKD, words, torch.ones_like(v_text_HTD)), pixels, attend)
    return mass_HQD * _queries(_keys(source, words), moved_HTD, pixels, attend)


def _keys(inputs: MapInputs, at: slice) -> MapInputs:
    mask = inputs.mask_HQK
    return MapInputs(inputs.q_HQD, inputs.k_HKD[:, at], None if mask is None else mask[..., at])


def _text_alone(v_HKD: Tensor, words: slice, text_HTD: Tensor) -> Tensor:
    values_HKD = torch.zeros_like(v_HKD)
    values_HKD[:, words] = text_HTD
    return values_HKD


def _queries(inputs: MapInputs, v_HKD: Tensor, at: slice, attend: Attend) -> Tensor:
    """The attention of some of a row's queries."""
    mask = inputs.mask_HQK
    if mask is not None:
        mask = (mask if mask.shape[1] == 1 else mask[:, at])[None]
    out_1HQD = attend(inputs.q_HQD[None, :, at], inputs.k_HKD[None], v_HKD[None], mask)
    return out_1HQD[0]


def masked(mask_BHQK: Tensor | None, rows: Mapping[int, Tensor | None], count: int) -> Tensor | None:
    """A call's mask for `count` rows, in which each given row has another one; None lets a row look everywhere."""
    given = [mask for mask in rows.values() if mask is not None]
    if mask_BHQK is None:
        if not given:
            return None
        mask_BHQK = torch.stack([_open(given[0])] * count)
    if not rows:
        return mask_BHQK
    changed = mask_BHQK.clone()
    for row, mask in rows.items():
        changed[row] = _open(changed[row]) if mask is None else mask
    return changed


def _open(like: Tensor) -> Tensor:
    """A mask that hides nothing: true where masks are boolean, else what is added is 0."""
    return torch.ones_like(like) if like.dtype == torch.bool else torch.zeros_like(like)
