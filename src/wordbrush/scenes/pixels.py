"""Pictures as networks take them."""

from torch import Tensor


def as_input(pixels: Tensor) -> Tensor:
    """Pictures (B, size, size, 3) in bytes as (B, 3, size, size) in -1..1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
