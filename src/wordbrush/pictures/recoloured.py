"""A picture in which one thing has another colour: what an edit of its colour begins with."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wordbrush.pictures.collage import touched_cells, without
from wordbrush.pictures.masks import mask_picture

EVEN = 0.1
"""How little the brightness of a nearly black or white thing tells of its shades, as a part of the whole range."""
APART = 0.15
"""How far a thing's pixels are from what is around it, in parts of the range of a channel, if they are all its own."""
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])


def recoloured(
    picture: Image.Image, thing_HW: Tensor, colour: tuple[int, int, int], size: tuple[int, int]
) -> tuple[Image.Image, Tensor]:
    """The picture with a thing painted in one colour, and the cells (h, w) in which it is.

    picture: an RGB picture.
    thing_HW: where the thing is, as booleans at any resolution. What looks there as rows of the picture do on both
        sides is seen through it, as between the tubes of a bicycle, and is not painted.
    colour: red, green and blue, from 0 to 255. The thing's pixels of middling brightness have it; darker ones run from
        it to black and lighter ones to white, so that its shades stay.
    size: height and width of the latents, in cells.

    >>> picture = Image.new("RGB", (16, 16), "white")
    >>> picture.paste("blue", (4, 4, 12, 12))
    >>> thing = torch.zeros(8, 8, dtype=torch.bool)
    >>> thing[2:6, 2:6] = True
    >>> painted, changed = recoloured(picture, thing, (200, 100, 0), (2, 2))
    >>> painted.getpixel((8, 8)), painted.getpixel((1, 1)), bool(changed.all())
    ((200, 100, 0), (255, 255, 255), True)
    """
    shape = mask_picture(thing_HW, picture.size)
    if not thing_HW.any():
        return picture, torch.zeros(size, dtype=torch.bool)
    pixels_HWC, paint_C = np.asarray(picture, np.float64) / 255, np.array(colour) / 255
    ground_HWC = np.asarray(without(picture, shape, shape), np.float64) / 255
    apart_HW1 = np.abs(pixels_HWC - ground_HWC).max(axis=2, keepdims=True)
    share_HW1 = np.asarray(shape, np.float64)[:, :, None] / 255 * np.clip(apart_HW1 / APART, 0, 1)
    bright_HW1 = (pixels_HWC @ _BRIGHTNESS)[:, :, None]
    inside_HW1 = share_HW1 >= share_HW1.max() / 2
    middle = float(np.median(bright_HW1[inside_HW1]))
    dark_HWC = paint_C * (bright_HW1 + EVEN) / (middle + EVEN)
    light_HWC = paint_C + (1 - paint_C) * (bright_HW1 - middle) / (1 - middle + EVEN)
    painted_HWC = np.where(bright_HW1 < middle, dark_HWC, light_HWC)
    mixed_HWC = pixels_HWC + share_HW1 * (painted_HWC - pixels_HWC)
    made = Image.fromarray((255 * mixed_HWC).round().clip(0, 255).astype(np.uint8))
    return made, touched_cells([shape], size)
