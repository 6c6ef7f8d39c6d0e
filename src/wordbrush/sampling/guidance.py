"""Classifier-free guidance."""

from torch import Tensor


def guided(negative: Tensor, positive: Tensor, guidance_scale: float) -> Tensor:
    """`w * eps(prompt) + (1 - w) * eps(negative)` (paper section 2.1, equation 2), each (B, C, h, w).

    Written as diffusers writes it, so that results agree to the bit.
    """
    return negative + guidance_scale * (positive - negative)
