"""Where things are in a picture, to their outlines: words' maps say where a thing is, the picture where it ends."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

FINER = 4
"""Pixels at which outlines are found to a cell of the latents, along a side."""
LARGEST = 256
"""The most pixels along a side: larger pictures have fewer to a cell."""
_ROUNDS = 10
_SHARPNESS = 0.3
"""Colours differ in parts of this times their own deviation: the smaller it is, the more values stay within edges."""


def outlined(maps_Phw: Tensor, picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """Maps (P, H, W) at a few pixels to a cell, each value spread over neighbours of like colour; highest value 1.

    maps_Phw: maps (P, h, w) that cover the picture; one that is nowhere above zero stays so.
    picture: an RGB picture.
    size: height and width of the latents, in cells; each has four pixels along a side, fewer in large pictures.

    Each of a few rounds makes a value the mean of its neighbours' in eight directions, at one pixel, two, four and so
    on up to a cell of the maps, weighted by how like their colours are, next to how much colours differ there at all:
    pixel-adaptive mask refinement (Araslanov and Roth 2020, arXiv:2005.08104), made for the maps of classifiers.

    >>> picture = Image.new("RGB", (64, 64), "white")
    >>> picture.paste("black", (16, 16, 48, 48))
    >>> seen = torch.zeros(1, 8, 8)
    >>> seen[0, 3:5, 3:5] = 1
    >>> found = outlined(seen, picture, (8, 8))[0] > 0.15
    >>> bool(found[9:23, 9:23].all()), bool(found[:6].any() or found[:, 26:].any())
    (True, False)
    """
    colours_1CHW = colours(picture, size)
    height, width = colours_1CHW.shape[2:]
    reaches = [2**i for i in range(max(1, width // maps_Phw.shape[2]).bit_length())]
    near_1CNHW = _neighbours(colours_1CHW, reaches)
    difference_1CNHW = (near_1CNHW - colours_1CHW[:, :, None]).abs()
    deviation_1C1HW = torch.cat([near_1CNHW, colours_1CHW[:, :, None]], dim=2).std(dim=2, keepdim=True) + 1e-4
    weights_1NHW = (-difference_1CNHW / (_SHARPNESS * deviation_1C1HW)).mean(dim=1).softmax(dim=1)
    seen_P1HW = smooth(maps_Phw, (height, width))[:, None]
    for _ in range(_ROUNDS):
        seen_P1HW = (_neighbours(seen_P1HW, reaches)[:, 0] * weights_1NHW).sum(dim=1, keepdim=True)
    return seen_P1HW[:, 0]


def colours(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """The colours (1, C, H, W), from 0 to 1, at which outlines of latents of a size (h, w) are found."""
    finer = max(1, min(FINER, LARGEST // max(size)))
    pixels_CHW = torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1) / 255
    return F.interpolate(pixels_CHW[None], size=(finer * size[0], finer * size[1]), mode="area")


def smooth(maps_Phw: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps as parts of their highest values, interpolated to a size (P, H, W), on the processor."""
    maps_P1hw = shares(maps_Phw.cpu().float())[:, None]
    return F.interpolate(maps_P1hw, size=size, mode="bilinear", align_corners=False)[:, 0]


def shares(maps_Phw: Tensor) -> Tensor:
    """Each map as parts of its highest value; one that is nowhere above zero stays so."""
    peak = maps_Phw.amax(dim=(1, 2), keepdim=True)
    return maps_Phw / torch.where(peak > 0, peak, torch.inf)


def _neighbours(images_PCHW: Tensor, reaches: Sequence[int]) -> Tensor:
    """Each pixel's neighbours (P, C, N, H, W)."""
    height, width = images_PCHW.shape[2:]
    found = []
    for reach in reaches:
        around = F.pad(images_PCHW, (reach,) * 4, mode="replicate")
        for y in (0, reach, 2 * reach):
            for x in (0, reach, 2 * reach):
                if (y, x) != (reach, reach):
                    found.append(around[:, :, y : y + height, x : x + width])
    return torch.stack(found, dim=2)
