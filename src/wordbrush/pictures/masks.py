"""Masks as pictures: a user's own, read for the latents; a blend's, shown; and a picture held still outside of one."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageChops, ImageFilter, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from wordbrush.edits.blend import LatentMask
from wordbrush.errors import SettingsError
from wordbrush.pictures.fit import Fit, mask_to_canvas

_ASPECT_TOLERANCE = 0.02
_GREY_TOLERANCE = 8


def read_mask(mask: str | Path | Image.Image, latent_size: tuple[int, int], fit: Fit | None = None) -> LatentMask:
    """A mask at the size of latents (h, w), from a PNG or a picture of any size: what is white may change.

    With a `fit` it is a mask of the photo that lies in the latents' canvas. A latent cell may change when at least
    half of the light of its area is white. Raises `SettingsError` for what is not a black and white PNG of the
    picture's shape, or lets nothing change.

    >>> half = Image.new("L", (64, 64))
    >>> half.paste(255, (32, 0, 64, 64))
    >>> read_mask(half, (4, 4)).rows
    ('..##', '..##', '..##', '..##')
    """
    named = "the mask" if isinstance(mask, Image.Image) else f"the mask '{mask}'"
    grey = _grey(mask if isinstance(mask, Image.Image) else _open(Path(mask), named), named)
    height, width = latent_size if fit is None else fit.photo_size
    if abs(grey.width * height / (grey.height * width) - 1) > _ASPECT_TOLERANCE:
        raise SettingsError(
            f"{named} is {grey.width} x {grey.height} pixels, another shape than the picture (width to height as "
            f"{width} to {height}); draw it on the picture itself"
        )
    if fit is not None:
        grey = mask_to_canvas(grey, fit)
    pixels_HW = torch.from_numpy(np.asarray(grey, dtype=np.float64))
    cells_hw = F.interpolate(pixels_HW[None, None], size=latent_size, mode="area")[0, 0]
    if not bool((cells_hw >= 127.5).any()):
        rows, columns = latent_size
        raise SettingsError(
            f"{named} lets nothing change: no cell of the latents ({rows} x {columns}) is half white; "
            "draw in white where the picture may change"
        )
    return LatentMask.of(cells_hw >= 127.5)


def mask_picture(mask_hw: Tensor, size: tuple[int, int]) -> Image.Image:
    """A mask (h, w) as a grey picture of `size` (width, height): white may change. `read_mask` reads it back."""
    cells = Image.fromarray((mask_hw.cpu().to(torch.uint8) * 255).numpy())
    return cells.resize(size, Image.Resampling.NEAREST)


def held_still(source: Image.Image, edited: Image.Image, mask_hw: Tensor) -> Image.Image:
    """The edited picture with the source's very pixels outside of a mask (h, w), fading in within a cell inside of it.

    A decoder mixes neighbours, and its normalisation the whole picture, so that pixels outside of a mask change though
    their latents do not.
    """
    mask = mask_picture(mask_hw, source.size)
    cell = source.width / mask_hw.shape[1]
    inner = mask.filter(ImageFilter.BoxBlur(cell / 2)).point(lambda value: max(0, 2 * value - 255))
    return Image.composite(edited, source, ImageChops.darker(mask, inner))


def _open(path: Path, named: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG",)) as image:
                image.load()
                return image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise SettingsError(f"{named} is too large; scale it to the size of the picture") from None
    except UnidentifiedImageError:
        raise SettingsError(f"{named} is not a PNG; save it as one") from None
    except OSError as error:
        raise SettingsError(f"{named} cannot be read ({error.strerror or error}); give a PNG") from None
    except (SyntaxError, ValueError) as error:
        raise SettingsError(f"{named} is a broken PNG ({error}); save it again") from None


def _grey(image: Image.Image, named: str) -> Image.Image:
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        raise SettingsError(f"{named} has the mode {image.mode}; save it as 8-bit black and white")
    pixels_HWC = np.asarray(image.convert("RGBA")).astype(np.int16)
    if pixels_HWC[..., 3].min() < 255:
        raise SettingsError(f"{named} is transparent in places; fill it, with white where the picture may change")
    if np.ptp(pixels_HWC[..., :3], axis=2).max() > _GREY_TOLERANCE:
        raise SettingsError(f"{named} is in colour; a mask is black, with white where the picture may change")
    return image.convert("L")
