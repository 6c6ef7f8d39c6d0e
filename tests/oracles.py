"""One-line explicit twins of what the library computes with fused kernels."""

from torch import Tensor


def explicit_maps(q: Tensor, k: Tensor) -> Tensor:
    """Attention maps (..., queries, keys) of q and k (..., positions, D)."""
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)


def explicit_edit(q_source, k_source, q_target, k_target, v_target, transfer_ST, keep_T) -> Tensor:
    """`(A_source @ transfer + A_target * keep) @ v`, with both maps formed."""
    edited = explicit_maps(q_source, k_source) @ transfer_ST + explicit_maps(q_target, k_target) * keep_T
    return edited @ v_target
