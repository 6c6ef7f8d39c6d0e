"""One-line explicit twins of what the library computes with fused kernels."""

from torch import Tensor


def explicit_maps(q: Tensor, k: Tensor) -> Tensor:
    """Attention maps (..., queries, keys) of q and k (..., positions, D)."""
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)


def explicit_edit(q_source, k_source, q_target, k_target, v_target, transfer_ST, keep_T) -> Tensor:
    """`(A_source @ transfer + A_target * keep) @ v`, with both maps formed."""
    edited = explicit_maps(q_source, k_source) @ transfer_ST + explicit_maps(q_target, k_target) * keep_T
    return edited @ v_target


class FormedMaps:
    """Edits the maps of a materialised run as `edit` does, and keeps those of every call, (prompts, H, Q, K), a list a
    step: as edited, or each prompt's "own"; of self-attention only up to `self_max_pixels`.
    """

    def __init__(self, edit=None, reads: str = "edited", self_max_pixels: int = 0) -> None:
        self.edit, self.reads, self.self_max_pixels = edit, reads, self_max_pixels
        self.taken: dict[int, list[Tensor]] = {}

    def __call__(self, maps: Tensor, is_cross: bool, step: int) -> Tensor:
        edited = maps if self.edit is None else self.edit(maps, is_cross, step)
        if is_cross or maps.shape[2] <= self.self_max_pixels:
            self.taken.setdefault(step, []).append(edited if self.reads == "edited" else maps)
        return edited
