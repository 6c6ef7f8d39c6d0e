"""A picture in which one thing is larger or smaller: what an edit of its size begins with."""

import torch
from PIL import Image
from torch import Tensor

from wordbrush.pictures.collage import SEAM, laid_over, touched_cells, without
from wordbrush.pictures.masks import mask_picture


def rescaled(
    picture: Image.Image, thing_HW: Tensor, ratio: float, size: tuple[int, int]
) -> tuple[Image.Image, Tensor]:
    """The picture with a thing scaled about the middle of its lower edge, on which it stands, and the cells (h, w) in
    which it is or was.

    picture: an RGB picture.
    thing_HW: where the thing is, as booleans at any resolution.
    ratio: how many times as long it is afterwards; where a smaller one leaves room, each row of the picture goes on
        from both sides.
    size: height and width of the latents, in cells.

    >>> picture = Image.new("RGB", (32, 32), "white")
    >>> picture.paste("black", (8, 16, 16, 24))
    >>> thing = torch.zeros(4, 4, dtype=torch.bool)
    >>> thing[2, 1] = True
    >>> larger, changed = rescaled(picture, thing, 2.0, (4, 4))
    >>> max(larger.getpixel((12, 13))) < 40, larger.getpixel((12, 30)), changed.int().tolist()[1]
    (True, (255, 255, 255), [1, 1, 1, 0])
    """
    shape = mask_picture(thing_HW, picture.size)
    box = shape.getbbox()
    if box is None:
        return picture, torch.zeros(size, dtype=torch.bool)
    left, _, right, foot = box
    stands = ((left + right) / 2, float(foot))
    ground = picture if ratio > 1 else without(picture, shape, shape)
    seam = SEAM * picture.width / size[1]
    moved, there = laid_over(ground, picture, shape, ratio, stands, stands, seam)
    return moved, touched_cells([there, shape], size)
