"""Masks as PIE-Bench writes them: runs of ones in the flattened picture, as (start, length) pairs in one flat list."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wordbrush.errors import DataError


def decode_mask(runs: Sequence[int], size: tuple[int, int], *, border: bool = True) -> NDArray[np.bool_]:
    """The mask (H, W) of a list `[start, length, start, length, ...]`; pixels are counted row by row.

    With `border`, as published, the outermost pixels are always true: annotations are wrong there. A run that begins
    in the picture and goes on beyond its end is cut, as published.

    Raises `DataError` for what is not such a list, or is of a larger picture.

    >>> decode_mask([5, 2, 9, 1], (4, 4), border=False).astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    """
    height, width = size
    if len(runs) % 2:
        raise DataError(f"the mask has {len(runs)} numbers, where pairs of start and length should be")
    if not all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in runs):
        raise DataError("the mask has entries that are no whole numbers of 0 or more")
    flat = np.zeros(height * width, np.bool_)
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        if start >= flat.size:
            raise DataError(f"the mask has pixel {start}, and a picture of {width} x {height} only {flat.size} pixels")
        flat[start : start + length] = True
    mask = flat.reshape(height, width)
    if border:
        mask[[0, -1], :] = True
        mask[:, [0, -1]] = True
    return mask


def encode_mask(mask_HW: NDArray[np.bool_]) -> list[int]:
    """The list that `decode_mask` reads.

    >>> encode_mask(np.array([[False, True], [True, False]]))
    [1, 2]
    """
    edges = np.diff(mask_HW.ravel().astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [int(number) for pair in zip(starts, ends - starts, strict=True) for number in pair]
