"""A picture in which one thing stands otherwise to another: what an edit of how things stand begins with."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wordbrush.edits.blend import Relation
from wordbrush.pictures.collage import SEAM, Point, grown, laid_over, main_parts, shape_of, touched_cells, without
from wordbrush.pictures.masks import mask_picture

SUNK = 0.34
"""How deep what is on a thing stands in it, as a part of that thing's height: a back is lower than a head."""
PUT_ON = 0.25
"""How much of what is worn on a head covers it, as a part of its own height."""
GAP = 1 / 32
"""The room between things beside each other, as a part of the picture's width."""
STRAY = 0.02
"""The part of a thing's pixels at either end that does not count."""

Box = tuple[int, int, int, int]


def rearranged(
    picture: Image.Image, thing_HW: Tensor, other_HW: Tensor, relation: Relation, size: tuple[int, int]
) -> tuple[Image.Image, Tensor]:
    """The picture with a thing moved, and the cells (h, w) in which it is or was.

    picture: an RGB picture.
    thing_HW, other_HW: where the thing is that moves, and the one to which it is to stand so, as booleans at any
        resolution.
    relation: "on" the other or "worn by" it, over its middle; "beside" it, on its ground, where more room is;
        "left of" or "right of" it. A thing that would be cut off by the picture's edge is moved back inside.
    size: height and width of the latents, in cells.

    In the place that a thing leaves, rows of the picture go on from both sides: of the other thing where it is on
    both.

    >>> picture = Image.new("RGB", (64, 64), "white")
    >>> picture.paste("black", (4, 40, 20, 56))
    >>> picture.paste("red", (32, 24, 56, 56))
    >>> thing, other = torch.zeros(2, 32, 32, dtype=torch.bool)
    >>> thing[20:28, 2:10] = other[12:28, 16:28] = True
    >>> moved, changed = rearranged(picture, thing, other, "on", (8, 8))
    >>> moved.getpixel((12, 48)), moved.getpixel((44, 26)), changed[:2].any().item()
    ((255, 255, 255), (0, 0, 0), False)
    """
    thing_HW, other_HW = main_parts(thing_HW), main_parts(other_HW)
    if not (thing_HW.any() and other_HW.any()):
        return picture, torch.zeros(size, dtype=torch.bool)
    shape, other = mask_picture(thing_HW, picture.size), mask_picture(other_HW, picture.size)
    gone = mask_picture(grown(thing_HW) & ~other_HW, picture.size)
    box, around = _box(shape), _box(other)
    left, _, right, foot = box
    stands = _standing(box, around, relation, picture.width)
    ground, seam = _emptied(picture, gone, other), SEAM * picture.width / size[1]
    moved, there = laid_over(ground, picture, shape, 1.0, ((left + right) / 2, float(foot)), stands, seam)
    return moved, touched_cells([there, gone], size)


def _standing(box: Box, around: Box, relation: Relation, width: int) -> Point:
    """Where the middle of the thing's lower edge comes to lie."""
    left, top, right, foot = box
    other_left, other_top, other_right, other_foot = around
    half, high = (right - left) / 2, foot - top
    if relation in ("on", "worn by"):
        deep = SUNK * (other_foot - other_top) if relation == "on" else PUT_ON * high
        return (other_left + other_right) / 2, max(other_top + deep, float(high))
    on_the_left = relation == "left of" or (relation == "beside" and other_left > width - other_right)
    away = half + GAP * width
    x = other_left - away if on_the_left else other_right + away
    return min(max(x, half), width - half), float(other_foot)


def _box(shape: Image.Image) -> Box:
    """The bounds of nearly all of a shape: a few pixels elsewhere tell nothing of where it ends."""
    rows, columns = np.nonzero(np.asarray(shape))
    (left, right), (top, foot) = (np.quantile(each, (STRAY, 1 - STRAY)) for each in (columns, rows))
    return int(left), int(top), int(right) + 1, int(foot) + 1


def _emptied(picture: Image.Image, gone: Image.Image, other: Image.Image) -> Image.Image:
    gone_HW, other_HW = np.asarray(gone) > 0, (np.asarray(other) > 0) & (np.asarray(gone) == 0)
    before_HW = np.logical_or.accumulate(other_HW, axis=1)
    after_HW = np.logical_or.accumulate(other_HW[:, ::-1], axis=1)[:, ::-1]
    hidden_HW = gone_HW & before_HW & after_HW
    beside = without(picture, shape_of(gone_HW & ~hidden_HW, picture), shape_of(gone_HW | other_HW, picture))
    return without(beside, shape_of(hidden_HW, picture), gone)
