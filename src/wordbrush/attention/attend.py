"""Edited attention with fused kernels: the edit is folded into the values, so no map is ever formed.

Legend: B rows, H heads, Q image queries, K keys, S source tokens, T target tokens, D head width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.edits.plan import CrossEdit

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Scaled dot-product attention of q (B,H,Q,D), k (B,H,K,D), v (B,H,K,D), as the model itself calls it."""


@dataclass(frozen=True, eq=False)
class CrossRow:
    """One batch row whose cross-attention map is edited, and the source's queries (H,Q,D) and keys (H,S,D)."""

    row: int
    edit: CrossEdit
    q_source_HQD: Tensor | None
    k_source_HSD: Tensor | None


@dataclass(frozen=True, eq=False)
class SelfRow:
    """One batch row whose self-attention takes over some of the source's, each (H,Q,D); None stays the row's own.

    Queries and keys together are the source's map; keys and values are its content (mutual self-attention).
    """

    row: int
    q_HQD: Tensor | None
    k_HQD: Tensor
    v_HQD: Tensor | None


def edited_cross(q_BHQD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor, rows: Sequence[CrossRow], attend: Attend) -> Tensor:
    """Cross-attention in which each given row's map M* becomes `M_source @ transfer + M* * keep`.

    Attention is linear in its map, so `(A @ transfer) @ v = A @ (transfer @ v)`: the row runs with the source's q and
    k on folded values, and a second call adds what the row keeps of its own map, only where it keeps any.
    """
    q, k, v = q_BHQD.clone(), k_BHTD.clone(), v_BHTD.clone()
    kept: list[CrossRow] = []
    kept_v: list[Tensor] = []
    for controlled in rows:
        row, token_map = controlled.row, controlled.edit.token_map
        own_v_HTD = token_map.keep_T[:, None] * v_BHTD[row]
        if not controlled.edit.uses_source:
            v[row] = own_v_HTD
            continue
        assert controlled.q_source_HQD is not None
        assert controlled.k_source_HSD is not None
        q[row], k[row] = controlled.q_source_HQD, controlled.k_source_HSD
        v[row] = token_map.transfer_ST @ v_BHTD[row]
        if controlled.edit.uses_target:
            kept.append(controlled)
            kept_v.append(own_v_HTD)
    out_BHQD = attend(q, k, v)
    if kept:
        index = [controlled.row for controlled in kept]
        out_BHQD[index] += attend(q_BHQD[index], k_BHTD[index], torch.stack(kept_v))
    return out_BHQD


def edited_self(q_BHQD: Tensor, k_BHQD: Tensor, v_BHQD: Tensor, rows: Sequence[SelfRow], attend: Attend) -> Tensor:
    """Self-attention in which each given row runs on what it takes over: `softmax(q k^T) v`, still one fused call."""
    q, k, v = q_BHQD.clone(), k_BHQD.clone(), v_BHQD.clone()
    for controlled in rows:
        k[controlled.row] = controlled.k_HQD
        if controlled.q_HQD is not None:
            q[controlled.row] = controlled.q_HQD
        if controlled.v_HQD is not None:
            v[controlled.row] = controlled.v_HQD
    return attend(q, k, v)
