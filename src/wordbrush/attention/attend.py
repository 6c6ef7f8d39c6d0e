"""Edited attention with fused kernels: the edit is folded into the values, so no map is ever formed.

Legend: B rows, H heads, Q queries, K keys, S source tokens, T target tokens, D head width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.edits.plan import CrossEdit


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


class Answered(NamedTuple):
    """An attention (B,H,Q,D), and what the kernel told of each row's own map, with what it takes over of the source:
    `MapInputs.log_sum_HQ`, or None.
    """

    out_BHQD: Tensor
    log_sums: Sequence[Tensor | None]


def taken_over(given: Inputs, rows: Sequence[SelfRow], queries: range, image: range) -> Inputs:
    """The inputs of a call in which each given row has what it takes over, at the picture's `queries` and at the
    `image` positions of its keys.

    The kernel's answer then is `softmax(q k^T) v` of what was taken: still one fused call.
    """
    q = _with(given.q_BHQD, {each.row: each.q_HQD for each in rows if each.q_HQD is not None}, queries)
    k = _with(given.k_BHKD, {each.row: each.k_HQD for each in rows}, image)
    v = _with(given.v_BHKD, {each.row: each.v_HQD for each in rows if each.v_HQD is not None}, image)
    masks = {controlled.row: controlled.mask_HQK for controlled in rows if controlled.q_HQD is not None}
    return Inputs(q, k, v, masked(given.mask_BHQK, masks, len(q)))


def unedited(given: Inputs, kernel: Kernel) -> Answered:
    """One plain call of the kernel."""
    out_BHQD, log_sums = kernel.told(*given)
    return Answered(out_BHQD, [None] * len(out_BHQD) if log_sums is None else list(log_sums))


def edited_cross(given: Inputs, rows: Sequence[CrossRow], kernel: Kernel) -> Answered:
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
        q[row], k[row], masks[row], _ = controlled.source
        if controlled.edit.moves:
            v[row] = token_map.transfer_ST @ v_BHTD[row]
        if controlled.edit.uses_target:
            kept.append(controlled)
    changed = Inputs(_with(q_BHQD, q), _with(k_BHTD, k), _with(v_BHTD, v), masked(mask, masks, len(q_BHQD)))
    out_BHQD, told = unedited(changed, kernel)
    log_sums = [None if row in q else log_sum for row, log_sum in enumerate(told)]
    if kept:
        index = [controlled.row for controlled in kept]
        own_v = [each.edit.token_map.keep_T[:, None] * v_BHTD[each.row] for each in kept]
        own_mask = None if mask is None else mask[index]
        own = unedited(Inputs(q_BHQD[index], k_BHTD[index], torch.stack(own_v), own_mask), kernel)
        out_BHQD[index] += own.out_BHQD
        for row, log_sum in zip(index, own.log_sums, strict=True):
            log_sums[row] = log_sum
    return Answered(out_BHQD, log_sums)


def _with(rows_BHKD: Tensor, changed: Mapping[int, Tensor], positions: range | None = None) -> Tensor:
    """Rows of which some are others, at some `positions` or all; themselves where none is, for a copy costs as much as
    a small layer. So a row is only copied if something of it stays.
    """
    if not changed:
        return rows_BHKD
    at = range(rows_BHKD.shape[2]) if positions is None else positions
    copy = torch.empty_like(rows_BHKD)
    for row, own_HKD in enumerate(rows_BHKD):
        if row not in changed or len(at) < rows_BHKD.shape[2]:
            copy[row] = own_HKD
        if row in changed:
            copy[row, :, _slice(at)] = changed[row]
    return copy


def edited_joint(given: Inputs, rows: Sequence[CrossRow], text: range, image: range, kernel: Kernel) -> Answered:
    """Joint attention in which the picture's attention to the text is edited: of each given row's map M* the block
    (image queries, text keys) becomes `M_source @ transfer + M* * keep`; all else of M* stays as it is. `text` is
    where the text is on the axis of the keys, `image` where the picture is on that of the queries.

    Where an edit acts on few tokens, what it adds to image queries comes from these columns of the maps, without a
    further call (`_by_columns`). Else image queries see values of which the text's are `keep * V_text`; all other
    queries, which would see them too, run once more with the plain ones. What comes from the source is one more call
    of image queries, on `[0; transfer @ V_text]`. Rows of the edited map need not sum to one: source and target may
    look at the text to different extents. With `own_mass` the rows of the source's block are scaled to the extent of
    M*: its attention among the words alone, times how much of M* is on the text.

    A prompt may have fewer tokens than `text` has positions, whose rest is padding, and the source's axis may have a
    text of another length.
    """
    q_BHQD, k_BHKD, v_BHKD, mask = given
    others = range(image.start) if image.start else range(image.stop, q_BHQD.shape[2])
    told = kernel.tells(*given)
    by_call = [row for row in rows if not (told and _acts_on_few(row, q_BHQD.shape[-1]))]
    kept_BHKD = v_BHKD.clone() if by_call else v_BHKD
    for controlled in by_call:
        keep_T = controlled.edit.token_map.keep_T
        kept_BHKD[controlled.row, :, text.start : text.start + len(keep_T)] *= keep_T[:, None]
    out_BHQD, log_sums = unedited(given._replace(v_BHKD=kept_BHKD), kernel)
    for controlled in rows:
        row = controlled.row
        own = MapInputs(q_BHQD[row], k_BHKD[row], None if mask is None else mask[row], log_sums[row])
        if controlled not in by_call:
            out_BHQD[row, :, _slice(image)] += _by_columns(controlled, own, v_BHKD[row], text, image, kernel)
            continue
        if others:
            out_BHQD[row, :, _slice(others)] = _queries(own, v_BHKD[row], others, kernel)
        if controlled.edit.uses_source:
            out_BHQD[row, :, _slice(image)] += _from_source(controlled, own, v_BHKD[row], text, image, kernel)
    return Answered(out_BHQD, log_sums)


def _acts_on_few(controlled: CrossRow, few: int) -> bool:
    """Whether an edit changes at most so many columns of its own map and takes as many of the source's, whose sums
    are known.
    """
    edit, source = controlled.edit, controlled.source
    if edit.own_mass or len(edit.changed_n) > few or len(edit.moved_n) > few:
        return False
    return not edit.uses_source or (source is not None and source.log_sum_HQ is not None)


def _by_columns(
    controlled: CrossRow, own: MapInputs, v_HKD: Tensor, text: range, image: range, kernel: Kernel
) -> Tensor:
    """What an edit adds to a row's image queries: `M_source @ transfer V - M* @ (1 - keep) V`, of the few columns
    that are not zero in it.
    """
    edit, at = controlled.edit, controlled.edit.changed_n + text.start
    lost_nD = (edit.token_map.keep_T[edit.changed_n] - 1)[:, None] * v_HKD[:, at]
    maps_HQn = kernel.columns(own, image, at)
    added_HQD = maps_HQn @ lost_nD.to(maps_HQn)
    if edit.uses_source:
        assert controlled.source is not None
        its_text, its_image = along(text, image, controlled.source.k_HKD.shape[1] - v_HKD.shape[1])
        moved_nT = edit.token_map.transfer_ST[edit.moved_n]
        moved_HnD = moved_nT @ v_HKD[:, text.start : text.start + moved_nT.shape[1]]
        maps_HQn = kernel.columns(controlled.source, its_image, edit.moved_n + its_text.start)
        added_HQD += maps_HQn @ moved_HnD.to(maps_HQn)
    return added_HQD


def along(text: range, image: range, longer: int) -> tuple[range, range]:
    """Where text and picture stand on an axis whose text has so many positions more, negative for fewer.

    >>> along(range(0, 3), range(3, 9), 2)
    (range(0, 5), range(5, 11))
    """
    behind = longer if image.start > text.start else 0
    return range(text.start, text.stop + longer), range(image.start + behind, image.stop + behind)


def _from_source(
    controlled: CrossRow, own: MapInputs, v_HKD: Tensor, text: range, image: range, kernel: Kernel
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
        return _queries(source, _placed(moved_HSD, its_text.start, keys), its_image, kernel)
    ones_HTD = torch.ones_like(v_HKD[:, _slice(text)])
    mass_HQD = _queries(own, _placed(ones_HTD, text.start, v_HKD.shape[1]), image, kernel)
    return mass_HQD * _queries(_keys(source, its_text), _placed(moved_HSD, 0, len(its_text)), its_image, kernel)


def _keys(inputs: MapInputs, at: range) -> MapInputs:
    mask = inputs.mask_HQK
    return MapInputs(inputs.q_HQD, inputs.k_HKD[:, _slice(at)], None if mask is None else mask[..., _slice(at)])


def _placed(values_HnD: Tensor, start: int, keys: int) -> Tensor:
    """Values of `keys` positions (H, keys, D) that are these from `start` on, and else zero."""
    return F.pad(values_HnD, (0, 0, start, keys - start - values_HnD.shape[1]))


def _slice(at: range) -> slice:
    return slice(at.start, at.stop)


def _queries(inputs: MapInputs, v_HKD: Tensor, positions: range, kernel: Kernel) -> Tensor:
    """The attention of some of a row's queries."""
    at = _slice(positions)
    mask = inputs.mask_HQK
    if mask is not None:
        mask = (mask if mask.shape[1] == 1 else mask[:, at])[None]
    out_1HQD = kernel(inputs.q_HQD[None, :, at], inputs.k_HKD[None], v_HKD[None], mask)
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
