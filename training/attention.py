"""Attention as training wants it: its maps formed, which small layers afford, and those of words kept for a lesson."""

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor

SMALLEST_MAP = 64
"""Positions of the coarsest layers whose maps are kept; in fewer, two objects share a position."""


class MapKeeper:
    """An attention processor that forms the map, and keeps those (B, Q, T) of cross-attention, mean over heads.

    On a CPU the backward pass of the fused kernel took a quarter of a training step; plain products take a fraction.
    """

    def __init__(self) -> None:
        """Begin with no maps."""
        self.maps: list[Tensor] = []

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Attention of (B, Q, C) to itself, or to text (B, T, D)."""
        is_cross = encoder_hidden_states is not None
        context = encoder_hidden_states if is_cross else hidden_states
        q, k, v = (
            by_heads(project(x), attn.heads)
            for project, x in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        scores = q @ (k * q.shape[-1] ** -0.5).transpose(-1, -2)
        # Half precision is enough of a map but where its values are what is taught.
        map_BHQK = torch.softmax(scores, -1, dtype=torch.float32 if is_cross else scores.dtype)
        if is_cross and map_BHQK.shape[2] >= SMALLEST_MAP:
            self.maps.append(map_BHQK.mean(1))
        out = (map_BHQK.to(v.dtype) @ v).transpose(1, 2).flatten(2)
        projected: Tensor = attn.to_out[0](out)
        return projected


def keep_maps(unet: UNet2DConditionModel) -> MapKeeper:
    """Let a U-Net compute its attention by one `MapKeeper`; nothing of it is in what is saved."""
    keeper = MapKeeper()
    unet.set_attn_processor(keeper)
    return keeper


def by_heads(x_BLC: Tensor, heads: int) -> Tensor:
    """Queries, keys or values (B, L, C) apart by heads, (B, H, L, D)."""
    rows, length, width = x_BLC.shape
    return x_BLC.view(rows, length, heads, width // heads).transpose(1, 2)
