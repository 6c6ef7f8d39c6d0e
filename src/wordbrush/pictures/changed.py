"""Where an edit shows in its picture: a region is made of cells of the latents, things have outlines of pixels."""

import numpy as np
from PIL import Image, ImageFilter
from torch import Tensor

from wordbrush.pictures.masks import mask_picture

MOST_CHANGED = 0.95
"""The quantile of the differences within a region that stands for its most changed pixels."""
BLUR = 3 / 8
"""The deviation of the blur of differences, in cells of the latents: colours that meet by chance are bridged."""
GROWN = 3 / 8
"""How far what is shown is grown, in cells: at the rim of an old thing its colour fades into that of its place, from
which the edit differs little there. The rim would stay as a thin line.
"""
FADE = 1 / 4
"""Half the width over which the edit fades out, in cells."""
_FINER = 4
"""Differences are blurred as bytes, so many times as large, that small ones keep their steps. Few are above a quarter
of the range, and those count as a quarter of it.
"""


def changed_pixels(unedited: Image.Image, edited: Image.Image, region_hw: Tensor, least: float) -> Image.Image:
    """How much of an edit each pixel shows, as a grey picture of the canvas's size: nothing where it hardly changed.

    unedited: the canvas that the model made of the source. A photograph itself would differ everywhere, by what the
        model loses of it.
    edited: the canvas of the edit.
    region_hw: the cells of the latents that could change (h, w).
    least: the fraction of the most changed pixels' difference below which nothing is shown, from above 0 to below 1;
        all is shown above twice as much, and what is shown is grown by three eighths of a cell.

    >>> import torch
    >>> before, after = Image.new("RGB", (32, 16)), Image.new("RGB", (32, 16), (2, 2, 2))
    >>> after.paste((200, 0, 0), (0, 0, 8, 16))
    >>> shown = changed_pixels(before, after, torch.ones(2, 4, dtype=torch.bool), 0.25)
    >>> shown.getpixel((1, 8)), shown.getpixel((28, 8))
    (255, 0)
    """
    difference_HW = np.abs(np.asarray(edited, np.int16) - np.asarray(unedited, np.int16)).mean(axis=2)
    finer = Image.fromarray(np.minimum(_FINER * difference_HW, 255).round().astype(np.uint8))
    cell = edited.width / region_hw.shape[1]
    blurred_HW = np.asarray(finer.filter(ImageFilter.GaussianBlur(BLUR * cell)), np.float64)
    within_HW = np.asarray(mask_picture(region_hw, edited.size)) > 0
    least_shown = least * np.quantile(blurred_HW[within_HW], MOST_CHANGED) if within_HW.any() else 0.0
    # At least a step of the bytes: an edit that changed nothing shows nothing.
    shown_HW = np.clip(blurred_HW / max(least_shown, 1.0) - 1, 0, 1)
    shown = Image.fromarray((255 * shown_HW).round().astype(np.uint8))
    grown = shown.filter(ImageFilter.MaxFilter(2 * max(1, round(GROWN * cell)) + 1))
    return grown.filter(ImageFilter.BoxBlur(FADE * cell))
