"""The kernel of attention, and the sums that its softmax divides by: with these, single columns of a map need no
further call of it.

Legend: B rows, H heads, Q queries, K keys, n some of the keys, D head width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_FLASH = 1
"""What `_fused_sdp_choice` calls the fused kernel."""


class MapInputs(NamedTuple):
    """What one row's attention map is made of: queries, keys, and its mask (H or 1,Q or 1,K) if it has one.

    `log_sum_HQ` is the logarithm of what the softmax of each query is divided by, where the kernel told it.
    """

    q_HQD: Tensor
    k_HKD: Tensor
    mask_HQK: Tensor | None
    log_sum_HQ: Tensor | None = None


class Told(NamedTuple):
    """What the kernel gave, (B,H,Q,D), and its `MapInputs.log_sum_HQ` of each row, (B,H,Q), if it tells them."""

    out_BHQD: Tensor
    log_sums_BHQ: Tensor | None


@dataclass(frozen=True)
class Kernel:
    """PyTorch's `scaled_dot_product_attention` of q (B,H,Q,D), k (B,H,K,D), v (B,H,K,D) and a mask (B,H or 1,Q or 1,K)
    or None, with the options that a model gives it. A `quiet` one tells no sums.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """The attention, (B,H,Q,D)."""
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **self.options)

    def tells(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> bool:
        """Whether it tells its sums: the fused kernel of processors does. Those of other devices were not tried."""
        if self.quiet or q.device.type != "cpu" or self.options.get("enable_gqa") or torch.is_autocast_enabled("cpu"):
            return False
        chosen: int = torch._fused_sdp_choice(q, k, v, mask, **self.options)
        return chosen == _FLASH

    def told(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Told:
        """The attention bit for bit as by a plain call, which throws the sums away."""
        if not self.tells(q, k, v, mask):
            return Told(self(q, k, v, mask), None)
        if mask is not None and mask.dtype == torch.bool:
            mask = torch.zeros(mask.shape, dtype=q.dtype, device=q.device).masked_fill_(~mask, -torch.inf)
        fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        options = {name: value for name, value in self.options.items() if name != "enable_gqa"}  # false here
        out, log_sums = fused(q, k, v, attn_mask=mask, **options)
        return Told(out, log_sums)

    def columns(self, inputs: MapInputs, queries: range, keys_n: Tensor) -> Tensor:
        """The map of one row at some of its keys (H,Q,n), of a range of queries, in single precision at least.

        The sums must be known.
        """
        assert inputs.log_sum_HQ is not None
        at, mask = slice(queries.start, queries.stop), inputs.mask_HQK
        exact = torch.promote_types(inputs.q_HQD.dtype, torch.float32)
        scale = self.options.get("scale") or inputs.q_HQD.shape[-1] ** -0.5
        keys_HnD = inputs.k_HKD[:, keys_n].to(exact) * scale
        logits_HQn = inputs.q_HQD[:, at].to(exact) @ keys_HnD.transpose(1, 2)
        if mask is not None:
            its = (mask if mask.shape[1] == 1 else mask[:, at])[:, :, keys_n]
            logits_HQn = logits_HQn.masked_fill(~its, -torch.inf) if its.dtype == torch.bool else logits_HQn + its
        columns_HQn: Tensor = (logits_HQn - inputs.log_sum_HQ[:, at, None]).exp()
        return columns_HQn
