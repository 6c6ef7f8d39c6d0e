"""Cells that count: where words' maps are high, and where latents differ from the source's.

Legend: P masks of one kind, B branches, h and w cells of the latents.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.pictures.outlines import shares

MOST_CHANGED = 0.9
"""The quantile of a region's differences from the source that stands for its most changed cells."""


def region(maps_Phw: Tensor, size: tuple[int, int], threshold: float, pool: int, *, smooth: bool = False) -> Tensor:
    """Where each map is above `threshold` times its highest value, as booleans (P, *size).

    Maps are grown by a maximum over `pool` x `pool` cells and resized to `size` by the nearest cell. A `smooth` map is
    interpolated to `size` first, for finer edges. A map that is nowhere above zero has an empty region.

    >>> region(torch.tensor([[[1.0, 0.2], [0.4, 0.0]]]), (2, 2), 0.3, pool=1).tolist()
    [[[True, False], [True, False]]]
    """
    return cell_shares(maps_Phw, size, pool, smooth=smooth) > threshold


def cell_shares(maps_Phw: Tensor, size: tuple[int, int], pool: int, *, smooth: bool) -> Tensor:
    """Each map as parts of its highest value (P, *size), grown and resized as `region` says."""
    maps = maps_Phw[:, None]
    if smooth:
        maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
    return shares(F.interpolate(F.max_pool2d(maps, pool, stride=1, padding=pool // 2), size=size)[:, 0])


def differing(difference_Bhw: Tensor, region_Bhw: Tensor, least: float) -> Tensor:
    """Where latents differ from the source's by at least a part `least` of what the most changed cells of each region
    differ by; a boolean (B, h, w), grown by one cell.

    >>> difference = torch.tensor([[[9.0, 0.1, 0.1, 0.1], [8.0, 0.1, 0.1, 0.1]]])
    >>> differing(difference, torch.ones(1, 2, 4, dtype=torch.bool), 0.5).int().tolist()
    [[[1, 1, 0, 0], [1, 1, 0, 0]]]
    """
    inside = torch.where(region_Bhw, difference_Bhw, torch.nan).flatten(1)
    most_B = torch.nanquantile(inside, MOST_CHANGED, dim=1).nan_to_num()
    changed = difference_Bhw >= least * most_B[:, None, None]
    return F.max_pool2d(changed[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
