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

    What is added to the plain answer is `M_source @ [0; transfer @ V_text] - M* @ [0; (1 - keep) * V_text]`, each one
    fused call, of image queries alone. Rows of the edited map need not sum to one: source and target may look at the
    text to different extents. With `own_mass` the rows of the source's block are scaled to the extent of M*: its
    attention among the words alone, times how much of M* is on the text.
    """
    q_BHQD, k_BHKD, v_BHKD, mask = given
    out_BHQD = attend(q_BHQD, k_BHKD, v_BHKD, mask)
    words, pixels = slice(text.start, text.stop), slice(image.start, image.stop)
    for controlled in rows:
        row, token_map = controlled.row, controlled.edit.token_map
        v_text_HTD = v_BHKD[row][:, words]
        own = MapInputs(q_BHQD[row], k_BHKD[row], None if mask is None else mask[row])
        if controlled.edit.uses_source:
            assert controlled.source is not None
            moved_HTD = token_map.transfer_ST @ v_text_HTD
            if controlled.edit.own_mass:
                ones = _text_alone(v_BHKD[row], words, torch.ones_like(v_text_HTD))
                mass_HQD = _image_part(own, ones, pixels, attend)
                among_words = _keys(controlled.source, words)
                out_BHQD[row, :, pixels] += mass_HQD * _image_part(among_words, moved_HTD, pixels, attend)
            else:
                from_source = _text_alone(v_BHKD[row], words, moved_HTD)
                out_BHQD[row, :, pixels] += _image_part(controlled.source, from_source, pixels, attend)
        lost_T = 1 - token_map.keep_T
        if bool(lost_T.any()):
            lost = _text_alone(v_BHKD[row], words, lost_T[:, None] * v_text_HTD)
            out_BHQD[row, :, pixels] -= _image_part(own, lost, pixels, attend)
    return out_BHQD


def _keys(inputs: MapInputs, at: slice) -> MapInputs:
    mask = inputs.mask_HQK
    return MapInputs(inputs.q_HQD, inputs.k_HKD[:, at], None if mask is None else mask[..., at])


def _text_alone(v_HKD: Tensor, words: slice, text_HTD: Tensor) -> Tensor:
    values_HKD = torch.zeros_like(v_HKD)
    values_HKD[:, words] = text_HTD
    return values_HKD


def _image_part(inputs: MapInputs, v_HKD: Tensor, pixels: slice, attend: Attend) -> Tensor:
    mask = inputs.mask_HQK
    if mask is not None:
        mask = (mask if mask.shape[1] == 1 else mask[:, pixels])[None]
    out_1HQD = attend(inputs.q_HQD[None, :, pixels], inputs.k_HKD[None], v_HKD[None], mask)
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
