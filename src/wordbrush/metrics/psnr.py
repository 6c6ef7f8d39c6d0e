"""How alike two pictures are, in dB."""

import numpy as np
from PIL.Image import Image


def psnr(one: Image, other: Image) -> float | None:
    """The likeness of two pictures of one size in dB, of all pixels together; None for equal ones.

    >>> from PIL import Image
    >>> psnr(Image.new("RGB", (2, 2), (0, 0, 0)), Image.new("RGB", (2, 2), (255, 255, 255)))
    0.0
    """
    difference = np.asarray(one.convert("RGB"), np.float64) - np.asarray(other.convert("RGB"), np.float64)
    error = float(np.square(difference / 255).mean())
    return None if error == 0 else round(float(-10 * np.log10(error)), 2) + 0.0
