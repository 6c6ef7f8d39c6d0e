"""A thing of a picture cut out, moved, and laid over a picture; and the place that it leaves.

What is made so is coarse: a model is to make a picture of it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional as F

from wordbrush.pictures.masks import TOUCHED, covered_cells, mask_picture

SEAM = 1 / 4
"""Half the width, in cells of the latents, over which a thing fades into the picture."""
WIDER = 1 / 32
"""How much wider than its outline a thing is cut out, as a part of the picture's width."""
PART = 1 / 3
"""The part of the largest of a thing's parts from which on others belong to it."""

Point = tuple[float, float]
"""Where something is in a picture: x and y, in pixels."""


def laid_over(
    ground: Image.Image, picture: Image.Image, shape: Image.Image, ratio: float, taken: Point, put: Point, seam: float
) -> tuple[Image.Image, Image.Image]:
    """A ground with a thing of another picture laid over it, and the thing's shape there, as a grey picture.

    picture, shape: where the thing is, and what of it is the thing, white; of the ground's size.
    ratio: how many times as long the thing becomes.
    taken, put: a point of the thing in its picture, and where that point comes to lie in the ground.
    seam: half the width, in pixels, over which the thing fades into the ground.

    >>> ground, thing = Image.new("RGB", (16, 16)), Image.new("RGB", (16, 16), "white")
    >>> shape = Image.new("L", (16, 16))
    >>> shape.paste(255, (0, 0, 4, 4))
    >>> laid, _ = laid_over(ground, thing, shape, 2.0, (0, 0), (8, 8), 0.0)
    >>> laid.getbbox()
    (8, 8, 16, 16)
    """
    (x, y), (to_x, to_y) = taken, put
    back = 1 / ratio, 0, x - to_x / ratio, 0, 1 / ratio, y - to_y / ratio
    thing, moved = (
        image.transform(ground.size, Image.Transform.AFFINE, back, resample)
        for image, resample in ((picture, Image.Resampling.BICUBIC), (shape, Image.Resampling.BILINEAR))
    )
    return Image.composite(thing, ground, moved.filter(ImageFilter.GaussianBlur(seam))), moved


def grown(thing_HW: Tensor) -> Tensor:
    """A thing's places, wider by `WIDER` of the picture's width: nothing of its edge is left over where it is cut out.

    thing_HW: where it is, as booleans.
    """
    return _spread(thing_HW, max(1, round(WIDER * thing_HW.shape[1])))


def main_parts(thing_HW: Tensor) -> Tensor:
    """A thing without what hangs on it by a thread, and without specks: its parts of at least `PART` of the largest.

    thing_HW: where it is, as booleans.

    >>> thing = torch.zeros(9, 12, dtype=torch.bool)
    >>> thing[1:8, 1:7] = thing[4, 7:12] = True
    >>> main_parts(thing)[4].int().tolist()
    [0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    """
    inner_HW = _spread(thing_HW, -1)
    if not inner_HW.any():
        return thing_HW
    label_HW = _parts(inner_HW)
    counts = torch.bincount(label_HW[inner_HW])
    large = (counts >= PART * counts.max()).nonzero()[:, 0]
    return thing_HW & _spread(inner_HW & torch.isin(label_HW, large), 2)


def _spread(places_HW: Tensor, by: int) -> Tensor:
    """Wider by so many places, or narrower by as many below zero."""
    reach, inside = abs(by), by < 0
    wider = F.max_pool2d((places_HW ^ inside)[None].float(), 2 * reach + 1, stride=1, padding=reach)[0] > 0
    return wider ^ inside


def _parts(places_HW: Tensor) -> Tensor:
    """A number for each part that hangs together, 1 or more; elsewhere 0."""
    numbers = torch.arange(1, places_HW.numel() + 1).reshape(places_HW.shape)
    label_HW = torch.where(places_HW, numbers, 0)
    while True:
        wider = F.max_pool2d(label_HW[None].double(), 3, stride=1, padding=1)[0].long()
        wider = torch.where(places_HW, wider, 0)
        if torch.equal(wider, label_HW):
            return label_HW
        label_HW = wider


def without(picture: Image.Image, gone: Image.Image, things: Image.Image) -> Image.Image:
    """The picture whose pixels that are gone lie between the nearest ones of their row that show no thing.

    gone, things: what is gone, and all things, which are no surroundings to go on from; grey pictures, white.
    """
    pixels_HWC = np.array(picture, np.float64)
    columns = np.arange(picture.width)
    gone_HW, shown_HW = np.asarray(gone) > 0, (np.asarray(gone) == 0) & (np.asarray(things) == 0)
    for row_WC, gone_W, shown_W in zip(pixels_HWC, gone_HW, shown_HW, strict=True):
        if gone_W.any() and shown_W.any():
            for channel in range(row_WC.shape[1]):
                row_WC[gone_W, channel] = np.interp(columns[gone_W], columns[shown_W], row_WC[shown_W, channel])
    return Image.fromarray(pixels_HWC.round().astype(np.uint8))


def shape_of(places_HW: NDArray[np.bool_], picture: Image.Image) -> Image.Image:
    """Places at any resolution as a grey picture of another's size, white."""
    return mask_picture(torch.from_numpy(places_HW), picture.size)


def touched_cells(shapes: list[Image.Image], size: tuple[int, int]) -> Tensor:
    """The cells (h, w) of the latents that any of these grey pictures touches, as booleans."""
    touched_HW = np.logical_or.reduce([np.asarray(shape) > 0 for shape in shapes])
    return covered_cells(torch.from_numpy(touched_HW)[None].float(), size, TOUCHED)[0]
