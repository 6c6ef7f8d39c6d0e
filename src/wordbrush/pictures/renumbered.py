"""A picture that shows more or fewer of a thing: what an edit of their number begins with."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wordbrush.pictures.collage import SEAM, WIDER, laid_over, shape_of, touched_cells, without

FULL = 0.96
"""The part of the picture's width that things may take before they become smaller."""
_ROUNDS = 20


def renumbered(
    picture: Image.Image, things_HW: Tensor, before: int, after: int, size: tuple[int, int]
) -> tuple[Image.Image, Tensor]:
    """The picture with another number of a thing, and the cells (h, w) in which one goes or comes.

    picture: an RGB picture.
    things_HW: where all of the things are, as booleans at any resolution.
    before, after: how many there are and are to be, 1 or more.
    size: height and width of the latents, in cells.

    Things are parted by where they lie. Those farthest from the middle of all go first, and each row of the picture
    goes on from both sides of their place. A new one is like the largest, and stands at the end of the row where there
    is more room; where there is not enough at either, all become smaller.

    >>> picture = Image.new("RGB", (64, 32), "white")
    >>> for x in (8, 40):
    ...     picture.paste("black", (x, 8, x + 16, 24))
    >>> things = torch.zeros(16, 32, dtype=torch.bool)
    >>> things[4:12, 4:12] = things[4:12, 20:28] = True
    >>> one, changed = renumbered(picture, things, 2, 1, (4, 8))
    >>> one.getpixel((16, 16)), one.getpixel((48, 16)), changed[1].int().tolist()
    ((0, 0, 0), (255, 255, 255), [0, 0, 0, 0, 1, 1, 1, 1])
    """
    if int(things_HW.sum()) < before:
        return picture, torch.zeros(size, dtype=torch.bool)
    label_HW = _parted(things_HW.cpu().numpy(), before)
    wide_HW = label_HW
    for _ in range(max(1, round(WIDER * label_HW.shape[1]))):
        wide_HW = _wider(wide_HW)
    if after < before:
        return _fewer(picture, label_HW, wide_HW, before, after, size)
    return _more(picture, label_HW, wide_HW, after - before, size)


def _fewer(
    picture: Image.Image,
    label_HW: NDArray[np.int_],
    wide_HW: NDArray[np.int_],
    before: int,
    after: int,
    size: tuple[int, int],
) -> tuple[Image.Image, Tensor]:
    middles = [np.argwhere(label_HW == i).mean(axis=0) for i in range(before)]
    far = [round(float(np.linalg.norm(middle - np.mean(middles, axis=0))), 6) for middle in middles]
    order = sorted(range(before), key=lambda i: (far[i], middles[i][1]))
    gone = shape_of(np.isin(wide_HW, order[after:]), picture)
    return without(picture, gone, shape_of(wide_HW >= 0, picture)), touched_cells([gone], size)


def _more(
    picture: Image.Image, label_HW: NDArray[np.int_], wide_HW: NDArray[np.int_], new: int, size: tuple[int, int]
) -> tuple[Image.Image, Tensor]:
    largest = int(np.bincount(label_HW[label_HW >= 0]).argmax())
    things, one = shape_of(wide_HW >= 0, picture), shape_of(wide_HW == largest, picture)
    (left, _, right, foot), (one_left, _, one_right, one_foot) = _box(things), _box(one)
    seam = SEAM * picture.width / size[1]
    each = one_right - one_left
    ground, touched, ratio = picture, [], 1.0
    places = _beside(left, right, each, new, picture.width)
    if places is None:  # all stand in one row about the middle, as small as it takes
        width = right - left + new * each
        ratio = min(1.0, FULL * picture.width / width)
        start = min(max((left + right - ratio * width) / 2, 0.0), picture.width - ratio * width)
        ground = without(picture, things, things)
        ground, there = laid_over(ground, picture, things, ratio, (left, foot), (start, foot), seam)
        places, touched = [start + ratio * (right - left + i * each) for i in range(new)], [things, there]
    for place in places:
        ground, there = laid_over(ground, picture, one, ratio, (one_left, one_foot), (place, one_foot), seam)
        touched.append(there)
    return ground, touched_cells(touched, size)


def _beside(left: int, right: int, each: int, new: int, width: int) -> list[float] | None:
    """Where so many new things begin at the ends of a row, each where more room is; None if there is too little."""
    places: list[float] = []
    for _ in range(new):
        if max(left, width - right) < each:
            return None
        if width - right >= left:
            places.append(right)
            right += each
        else:
            left -= each
            places.append(left)
    return places


def _box(shape: Image.Image) -> tuple[int, int, int, int]:
    box = shape.getbbox()
    assert box is not None  # there are as many cells as things at least
    return box


def _parted(things_HW: NDArray[np.bool_], count: int) -> NDArray[np.int_]:
    """Which of so many things each place is of, -1 where there is none: the row in equal parts, then k-means."""
    places = np.argwhere(things_HW).astype(float)
    places = places[np.argsort(places[:, 1], kind="stable")]
    labels = np.repeat(np.arange(count), [len(part) for part in np.array_split(places, count)])
    for _ in range(_ROUNDS):
        middles = np.stack([places[labels == i].mean(axis=0) for i in range(count)])
        nearest = np.linalg.norm(places[:, None] - middles, axis=2).argmin(axis=1)
        if len(np.unique(nearest)) < count:
            break  # a thing would have no place
        labels = nearest
    label_HW = np.full(things_HW.shape, -1)
    label_HW[tuple(places.astype(int).T)] = labels
    return label_HW


def _wider(label_HW: NDArray[np.int_]) -> NDArray[np.int_]:
    """The same with things wider by a place; none grows over another."""
    around = np.pad(label_HW, 1, constant_values=-1)
    rows, columns = label_HW.shape
    near = [around[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    return np.where(label_HW >= 0, label_HW, np.max(near, axis=0))
