"""Pictures of data sets, read from files that may be half copied or not what they are called."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from wordbrush.errors import DataError
from wordbrush.files import open_regular

FORMATS = ("PNG", "JPEG", "WEBP")


def read_picture(path: Path) -> Image.Image:
    """A picture in RGB, upright. Raises `DataError` naming the file."""
    return ImageOps.exif_transpose(_opened(path)).convert("RGB")


def read_mask_picture(path: Path) -> NDArray[np.bool_]:
    """A mask (H, W) from a picture: true where it is brighter than half. Raises `DataError` naming the file."""
    mask: NDArray[np.bool_] = np.asarray(_opened(path).convert("L")) > 127
    return mask


def check_mask_size(mask_HW: NDArray[np.bool_], picture: Image.Image, where: str) -> None:
    """Raise `DataError` when a mask is not of its picture's size."""
    height, width = mask_HW.shape
    if (width, height) != picture.size:
        raise DataError(
            f"{where}: the mask is of {width} x {height} pixels and the picture of "
            f"{picture.width} x {picture.height}; they must be of one size"
        )


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with open_regular(path) as file, Image.open(file, formats=FORMATS) as image:
                image.load()
                return image
    except FileNotFoundError:
        raise DataError(f"the picture '{path}' is missing; copy the data set again") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise DataError(f"the picture '{path}' is too large; scale it down") from None
    except UnidentifiedImageError:
        raise DataError(f"'{path}' is not a PNG, JPEG or WebP picture; save it as one") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"the picture '{path}' is broken ({error!s:.60}); copy it again") from None
