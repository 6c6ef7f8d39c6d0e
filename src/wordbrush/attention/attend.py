"""Edited attention with fused kernels: the edit is folded into the values, so no map is ever formed.

Legend: B rows, H heads, Q queries, K keys, S source tokens, T target tokens, D head width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

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

    Queries and keys together, with the mask of such a map, are the source's map; keys and values are its content
    (mutual self-attention). All but the mask are of the image positions alone.
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
    q, k, v = given.q_BHQD.clone(), given.k_BHKD.clone(), given.v_BHKD
    if any(controlled.v_HQD is not None for controlled in rows):
        v = v.clone()
    at = slice(image.start, image.stop)
    for controlled in rows:
        k[controlled.row, :, at] = controlled.k_HQD
        if controlled.q_HQD is not None:
            q[controlled.row, :, at] = controlled.q_HQD
        if controlled.v_HQD is not None:
            v[controlled.row, :, at] = controlled.v_HQD
    masks = {controlled.row: controlled.mask_HQK for controlled in rows if controlled.q_HQD is not None}
    return Inputs(q, k, v, masked(given.mask_BHQK, masks, len(q)))


def edited_cross(given: Inputs, rows: Sequence[CrossRow], attend: Attend) -> Tensor:
    """Cross-attention in which each given row's map M* becomes `M_source @ transfer + M* * keep`.

    Attention is linear in its map, so `(A @ transfer) @ v = A @ (transfer @ v)`: the row runs with the source's q and
    k on folded values, and a second call adds what the row keeps of its own map, only where it keeps any.
    """
    q_BHQD, k_BHTD, v_BHTD, mask = given
    q, k, v = dict[int, Tensor](), dict[int, Tensor](), dict[int, Tensor]()
    masks: dict[int, Tensor | None] = {}
    kept: list[CrossRow] = []
    for controlled in rows:
        row, token_map = controlled.row, controlled.edit.token_map
        if not controlled.edit.uses_source:
            v[row] = token_map.keep_T[:, None] * v_BHTD[row]
            continue
        assert controlled.source is not None
        q[row], k[row], masks[row] = controlled.source
        if controlled.edit.moves:
            v[row] = token_map.transfer_ST @ v_BHTD[row]
        if controlled.edit.uses_target:
            kept.append(controlled)
    out_BHQD = attend(_with(q_BHQD, q), _with(k_BHTD, k), _with(v_BHTD, v), masked(mask, masks, len(q_BHQD)))
    if kept:
        index = [controlled.row for controlled in kept]
        own_v = [each.edit.token_map.keep_T[:, None] * v_BHTD[each.row] for each in kept]
        own_mask = None if mask is None else mask[index]
        out_BHQD[index] += attend(q_BHQD[index], k_BHTD[index], torch.stack(own_v), own_mask)
    return out_BHQD


def _with(rows_BHKD: Tensor, changed: Mapping[int, Tensor]) -> Tensor:
    """Rows of which some are others; themselves where none is, for a copy costs as much as a small layer."""
    if not changed:
        return rows_BHKD
    copy = rows_BHKD.clone()
    for row, other_HKD in changed.items():
        copy[row] = other_HKD
    return copy


def edited_joint(given: Inputs, rows: Sequence[CrossRow], text: range, image: range, attend: Attend) -> Tensor:
    """Joint attention in which the picture's attention to the text is edited: of each given row's map M* the block
    (image queries, text keys) becomes `M_source @ transfer + M* * keep`; all else of M* stays as it is.

    Image queries see values of which the text's are `keep * V_text`; all other queries, which would see them too, run
    once more with the plain ones. What comes from the source is one more call of image queries, on
    `[0; transfer @ V_text]`. Rows of the edited map need not sum to one: source and target may look at the text to
    different extents. With `own_mass` the rows of the source's block are scaled to the extent of M*: its attention
    among the words alone, times how much of M* is on the text.

    A prompt may have fewer tokens than `text` has positions, whose rest is padding, and the source's axis may have a
    text of another length.
    """
    q_BHQD, k_BHKD, v_BHKD, mask = given
    others = range(image.start) if image.start else range(image.stop, q_BHQD.shape[2])
    kept_BHKD = v_BHKD.clone()
    for controlled in rows:
        keep_T = controlled.edit.token_map.keep_T
        kept_BHKD[controlled.row, :, text.start : text.start + len(keep_T)] *= keep_T[:, None]
    out_BHQD = attend(q_BHQD, k_BHKD, kept_BHKD, mask)
    for controlled in rows:
        row = controlled.row
        own = MapInputs(q_BHQD[row], k_BHKD[row], None if mask is None else mask[row])
        if others:
            out_BHQD[row, :, _slice(others)] = _queries(own, v_BHKD[row], others, attend)
        if controlled.edit.uses_source:
            out_BHQD[row, :, _slice(image)] += _from_source(controlled, own, v_BHKD[row], text, image, attend)
    return out_BHQD


def along(text: range, image: range, longer: int) -> tuple[range, range]:
    """Where text and picture stand on an axis whose text has so many positions more, negative for fewer.

    >>> along(range(0, 3), range(3, 9), 2)
    (range(0, 5), range(5, 11))
    """
    behind = longer if image.start > text.start else 0
    return range(text.start, text.stop + longer), range(image.start + behind, image.stop + behind)


def _from_source(
    controlled: CrossRow, own: MapInputs, v_HKD: Tensor, text: range, image: range, attend: Attend
) -> Tensor:
    """What the source's block of the map adds to a row's image queries."""
    source, transfer_ST = controlled.source, controlled.edit.token_map.transfer_ST
    assert source is not None
    keys = source.k_HKD.shape[1]
    its_text, its_image = along(text, image, keys - v_HKD.shape[1])
    moved_HSD = v_HKD[:, text.start : text.start + transfer_ST.shape[1]]
    if controlled.edit.moves:
        moved_HSD = transfer_ST @ moved_HSD
    if not controlled.edit.own_mass:
        return _queries(source, _placed(moved_HSD, its_text.start, keys), its_image, attend)
    ones_HTD = torch.ones_like(v_HKD[:, _slice(text)])
    mass_HQD = _queries(own, _placed(ones_HTD, text.start, v_HKD.shape[1]), image, attend)
    return mass_HQD * _queries(_keys(source, its_text), _placed(moved_HSD, 0, len(its_text)), its_image, attend)


def _keys(inputs: MapInputs, at: range) -> MapInputs:
    mask = inputs.mask_HQK
    return MapInputs(inputs.q_HQD, inputs.k_HKD[:, _slice(at)], None if mask is None else mask[..., _slice(at)])


def _placed(values_HnD: Tensor, start: int, keys: int) -> Tensor:
    """Values of `keys` positions (H, keys, D) that are these from `start` on, and else zero."""
    return F.pad(values_HnD, (0, 0, start, keys - start - values_HnD.shape[1]))


def _slice(at: range) -> slice:
    return slice(at.start, at.stop)


def _queries(inputs: MapInputs, v_HKD: Tensor, positions: range, attend: Attend) -> Tensor:
    """The attention of some of a row's queries."""
    at = _slice(positions)
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
