"""Latents as the positions of a transformer: a patch of cells is one position.

Legend: B rows, C channels, Q positions, P cells of a patch.
"""

from torch import Tensor
from torch.nn import functional as F


def packed(latents_BChw: Tensor, patch: int) -> Tensor:
    """Latents as (B, Q, C * P): the cells of a patch follow each other within a channel.

    >>> import torch
    >>> packed(torch.arange(4.0).reshape(1, 1, 2, 2), 2).tolist()
    [[[0.0, 1.0, 2.0, 3.0]]]
    """
    return F.pixel_unshuffle(latents_BChw, patch).flatten(2).transpose(1, 2).contiguous()


def unpacked(positions_BQC: Tensor, size: tuple[int, int], patch: int) -> Tensor:
    """The latents (B, C, *size) of positions (B, Q, C * P)."""
    rows, _, channels = positions_BQC.shape
    grid = size[0] // patch, size[1] // patch
    return F.pixel_shuffle(positions_BQC.transpose(1, 2).reshape(rows, channels, *grid), patch)
