"""Where things are in a picture, to their outlines: words' maps say where a thing is, the picture where it ends."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

FINER = 4
"""Pixels to a cell of the maps, along a side."""
_REACHES = (1, 2, 4)
"""How far away neighbours are that a pixel is compared with, in these pixels."""
_ROUNDS = 10
_SHARPNESS = 0.3
"""Colours differ in parts of this times their own deviation: the smaller it is, the more values stay within edges."""


def outlined(maps_Phw: Tensor, picture: Image.Image) -> Tensor:
    """Maps (P, H, W) at four pixels to a cell, each value spread over neighbours of like colour; highest value 1.

    maps_Phw: maps (P, h, w) that cover the picture; one that is nowhere above zero stays so.
    picture: an RGB picture.

    Each of a few rounds makes a value the mean of its neighbours' in eight directions and three distances, weighted by
    how like their colours are, next to how much colours differ there at all: pixel-adaptive mask refinement (Araslanov
    and Roth 2020, arXiv:2005.08104). It was made for the maps of classifiers, and needs no network.

    >>> picture = Image.new("RGB", (64, 64), "white")
    >>> picture.paste("black", (16, 16, 48, 48))
    >>> seen = torch.zeros(1, 8, 8)
    >>> seen[0, 3:5, 3:5] = 1
    >>> found = outlined(seen, picture)[0] > 0.15
    >>> bool(found[9:23, 9:23].all()), bool(found[:6].any() or found[:, 26:].any())
    (True, False)
    """
    size = FINER * maps_Phw.shape[1], FINER * maps_Phw.shape[2]
    pixels_CHW = torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1) / 255
    colours_1CHW = F.interpolate(pixels_CHW[None], size=size, mode="area")
    near_1CNHW = _neighbours(colours_1CHW)
    difference_1CNHW = (near_1CNHW - colours_1CHW[:, :, None]).abs()
    deviation_1C1HW = torch.cat([near_1CNHW, colours_1CHW[:, :, None]], dim=2).std(dim=2, keepdim=True) + 1e-4
    weights_1NHW = (-difference_1CNHW / (_SHARPNESS * deviation_1C1HW)).mean(dim=1).softmax(dim=1)
    seen_P1HW = F.interpolate(
        _shares(maps_Phw.cpu().float())[:, None], size=size, mode="bilinear", align_corners=False
    )
    for _ in range(_ROUNDS):
        seen_P1HW = (_neighbours(seen_P1HW)[:, 0] * weights_1NHW).sum(dim=1, keepdim=True)
    return seen_P1HW[:, 0]


def _shares(maps_Phw: Tensor) -> Tensor:
    peak = maps_Phw.amax(dim=(1, 2), keepdim=True)
    return maps_Phw / torch.where(peak > 0, peak, torch.inf)


def _neighbours(images_PCHW: Tensor) -> Tensor:
    """Each pixel's neighbours (P, C, N, H, W)."""
    height, width = images_PCHW.shape[2:]
    found = []
    for reach in _REACHES:
        around = F.pad(images_PCHW, (reach,) * 4, mode="replicate")
        for y in (0, reach, 2 * reach):
            for x in (0, reach, 2 * reach):
                if (y, x) != (reach, reach):
                    found.append(around[:, :, y : y + height, x : x + width])
    return torch.stack(found, dim=2)
