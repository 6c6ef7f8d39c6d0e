"""A picture in which one thing is larger or smaller: what an edit of its size begins with."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional as F

from wordbrush.pictures.masks import mask_picture

SEAM = 1 / 4
"""Half the width, in cells of the latents, over which the thing fades into the picture."""
COVERED = 0.1
"""The part of a cell that must show the moved thing, or the place that it left, for the cell to have changed."""


def rescaled(picture: Image.Image, thing_hw: Tensor, ratio: float) -> tuple[Image.Image, Tensor]:
    """The picture with a thing scaled about the middle of its lower edge, on which it stands, and the cells (h, w) in
    which it is or was.

    picture: an RGB picture.
    thing_hw: the cells of the latents that show the thing, as booleans (h, w).
    ratio: how many times as long it is afterwards; where a smaller one leaves room, each row of the picture goes on
        from both sides.

    >>> picture = Image.new("RGB", (32, 32), "white")
    >>> picture.paste("black", (8, 16, 16, 24))
    >>> thing = torch.zeros(4, 4, dtype=torch.bool)
    >>> thing[2, 1] = True
    >>> larger, changed = rescaled(picture, thing, 2.0)
    >>> max(larger.getpixel((12, 13))) < 40, larger.getpixel((12, 30)), changed.int().tolist()[1]
    (True, (255, 255, 255), [1, 1, 1, 0])
    """
    if not bool(thing_hw.any()):
        return picture, thing_hw
    cell = picture.width / thing_hw.shape[1]
    hard = mask_picture(thing_hw, picture.size)
    left, _, right, foot = hard.getbbox() or (0, 0, 0, 0)
    middle = (left + right) / 2
    back = 1 / ratio, 0, middle - middle / ratio, 0, 1 / ratio, foot - foot / ratio
    thing, shape = (
        image.transform(picture.size, Image.Transform.AFFINE, back, resample)
        for image, resample in ((picture, Image.Resampling.BICUBIC), (hard, Image.Resampling.BILINEAR))
    )
    ground = picture if ratio > 1 else _without(picture, np.asarray(hard) > 0)
    moved = Image.composite(thing, ground, shape.filter(ImageFilter.GaussianBlur(SEAM * cell)))
    touched_HW = (np.asarray(shape) > 0) | (np.asarray(hard) > 0)
    share_hw = F.interpolate(torch.from_numpy(touched_HW)[None, None].float(), tuple(thing_hw.shape), mode="area")[
        0, 0
    ]
    return moved, share_hw > COVERED


def _without(picture: Image.Image, gone_HW: NDArray[np.bool_]) -> Image.Image:
    """The picture whose pixels that are gone lie between the nearest ones of their row that are not."""
    pixels_HWC = np.array(picture, np.float64)
    columns = np.arange(picture.width)
    for row_WC, gone_W in zip(pixels_HWC, gone_HW, strict=True):
        if gone_W.any() and not gone_W.all():
            for channel in range(row_WC.shape[1]):
                row_WC[gone_W, channel] = np.interp(columns[gone_W], columns[~gone_W], row_WC[~gone_W, channel])
    return Image.fromarray(pixels_HWC.round().astype(np.uint8))
