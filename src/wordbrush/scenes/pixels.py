"""Pictures in the form that networks take."""

import torch
from torch import Tensor


def as_input(pixels: Tensor) -> Tensor:
    """Pictures (B, size, size, 3) in bytes, as (B, 3, size, size) in -1..1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_tensor(pictures: Tensor, device: str) -> Tensor:
    """The same on a device, in the memory layout that suits convolutions best."""
    return as_input(pictures.to(device)).contiguous(memory_format=torch.channels_last)
