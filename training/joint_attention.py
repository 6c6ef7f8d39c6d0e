"""Joint attention as training wants it: the maps of the image's positions over the text's are kept for a lesson."""

import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.attention_processor import Attention
from torch import Tensor

from training.attention import by_heads


class JointMapKeeper:
    """An attention processor that forms the joint map, and keeps its part (B, Q, T) from image to text."""

    def __init__(self) -> None:
        """Begin with no maps."""
        self.maps: list[Tensor] = []

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attention of image (B, Q, C) and text (B, T, C) to both together."""
        image = hidden_states.shape[1]
        q = torch.cat(
            [
                attn.norm_q(by_heads(attn.to_q(hidden_states), attn.heads)),
                attn.norm_added_q(by_heads(attn.add_q_proj(encoder_hidden_states), attn.heads)),
            ],
            dim=2,
        )
        k = torch.cat(
            [
                attn.norm_k(by_heads(attn.to_k(hidden_states), attn.heads)),
                attn.norm_added_k(by_heads(attn.add_k_proj(encoder_hidden_states), attn.heads)),
            ],
            dim=2,
        )
        v = torch.cat(
            [
                by_heads(attn.to_v(hidden_states), attn.heads),
                by_heads(attn.add_v_proj(encoder_hidden_states), attn.heads),
            ],
            dim=2,
        )
        map_BHLL = torch.softmax(q @ (k * q.shape[-1] ** -0.5).transpose(-1, -2), -1, dtype=torch.float32)
        self.maps.append(map_BHLL[:, :, :image, image:].mean(1))
        out = (map_BHLL.to(v.dtype) @ v).transpose(1, 2).flatten(2)
        seen, read = out[:, :image], out[:, image:]
        return attn.to_out[0](seen), read if attn.context_pre_only else attn.to_add_out(read)


def keep_joint_maps(transformer: SD3Transformer2DModel) -> JointMapKeeper:
    """Let a transformer compute its attention by one `JointMapKeeper`; nothing of it is in what is saved."""
    keeper = JointMapKeeper()
    transformer.set_attn_processor(keeper)
    return keeper
