"""Masks as pictures: a user's own, read for the latents; a blend's, shown; and an edit laid over its original."""

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageChops, ImageFilter, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from wordbrush.edits.blend import LatentMask
from wordbrush.errors import SettingsError
from wordbrush.files import open_regular
from wordbrush.pictures.fit import Fit, from_canvas, mask_from_canvas, mask_to_canvas
from wordbrush.pictures.limits import MAX_BYTES

_ASPECT_TOLERANCE = 0.02
_GREY_TOLERANCE = 8


def read_mask(mask: str | Path | Image.Image, latent_size: tuple[int, int], fit: Fit | None = None) -> LatentMask:
    """A user's mask at the size of the latents: what is white may change.

    mask: a PNG file (`~` is expanded) or a Pillow picture, black and white, of any size in the picture's shape.
    latent_size: (height, width) in cells of the latents.
    fit: where the mask is drawn on a photograph, how that lies in the latents' canvas; None: it is the canvas.

    A cell of the latents may change when at least half of the light of its area is white. Raises `SettingsError` for a
    mask that cannot be read, is transparent or in colour, has another shape than the picture, or lets nothing change.

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
            f"{named} is {grey.width} x {grey.height} pixels (width x height), another shape than the picture, "
            f"which is {width} to {height}; draw it on the picture itself"
        )
    if fit is not None:
        grey = mask_to_canvas(grey, fit)
    pixels_HW = torch.from_numpy(np.asarray(grey, dtype=np.float64))
    cells_hw = F.interpolate(pixels_HW[None, None], size=latent_size, mode="area")[0, 0]
    if not bool((cells_hw >= 127.5).any()):
        rows, columns = latent_size
        raise SettingsError(
            f"{named} lets nothing change: no cell of the latents ({rows} x {columns}, height x width) is half white; "
            "paint white where the picture may change"
        )
    return LatentMask.of(cells_hw >= 127.5)


TOUCHED = 0.1
"""The part of a cell that must be covered for the cell to have been touched."""


def covered_cells(shares_PHW: Tensor, size: tuple[int, int], least: float) -> Tensor:
    """The cells (P, *size) of which more than a part `least` is covered, of pixels that are 1 where they are."""
    return F.interpolate(shares_PHW[:, None], size=size, mode="area")[:, 0] > least


def mask_picture(
    mask_hw: Tensor, size: tuple[int, int], resample: Image.Resampling = Image.Resampling.NEAREST
) -> Image.Image:
    """A mask (h, w) as a grey picture of `size` (width, height): white may change. `read_mask` reads it back."""
    cells = Image.fromarray((mask_hw.cpu().to(torch.uint8) * 255).numpy())
    return cells.resize(size, resample)


def composite_edit(
    original: Image.Image,
    edited: Image.Image,
    region_hw: Tensor,
    fit: Fit | None = None,
    *,
    mask_hw: Tensor | None = None,
    changed: Image.Image | None = None,
) -> Image.Image:
    """The edit where it may be, the original's own pixels everywhere else.

    original: the picture that was edited; a photograph at its own size.
    edited: the canvas that the model made.
    region_hw: the cells of the latents that changed (h, w).
    fit: how a photograph lies in the canvas; None: the original has the canvas's size.
    mask_hw: the cells that the user's own mask lets change (h, w); None: there is none.
    changed: how much of the edit each pixel of the canvas shows within the region, as a grey picture; None: all.

    The edit fades out over half a cell beyond its region: one that words found ends near the old thing's edge, which
    would be left over. A user's mask is a promise, so there it fades within. Without this, pixels outside change
    though their latents do not: a decoder mixes neighbours, and its normalisation the whole picture.
    """
    seam = edited.width / region_hw.shape[1]
    shown = mask_picture(region_hw, edited.size)
    allowed = None if mask_hw is None else mask_picture(mask_hw, edited.size)
    if fit is not None:
        edited, shown = from_canvas(edited, fit), mask_from_canvas(shown, fit)
        allowed = None if allowed is None else mask_from_canvas(allowed, fit)
        changed = None if changed is None else from_canvas(changed, fit)
        seam = max(1.0, seam * fit.photo_size[1] / fit.box[3])
    blurred = ImageFilter.BoxBlur(seam / 2)
    alpha = ImageChops.lighter(shown, shown.filter(blurred).point(lambda value: min(255, 2 * value)))
    if allowed is not None:
        inner = allowed.filter(blurred).point(lambda value: max(0, 2 * value - 255))
        alpha = ImageChops.darker(alpha, ImageChops.darker(allowed, inner))
    if changed is not None:
        alpha = ImageChops.darker(alpha, changed)
    return Image.composite(edited, original, alpha)


def _open(path: Path, named: str) -> Image.Image:
    too_large = f"{named} is too large; scale it to the size of the picture"
    content = _content(path, named)
    if len(content) > MAX_BYTES:
        raise SettingsError(too_large)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
                image.load()
                return image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise SettingsError(too_large) from None
    except UnidentifiedImageError:
        raise SettingsError(f"{named} is not a PNG; save it as one") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise SettingsError(f"{named} is a broken PNG ({error}); save it again") from None


def _content(path: Path, named: str) -> bytes:
    """A file's bytes, of one that is too large a part."""
    try:
        with open_regular(path) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{named} cannot be read ({error.strerror or error}); give a PNG") from None


def _grey(image: Image.Image, named: str) -> Image.Image:
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        raise SettingsError(f"{named} has the mode {image.mode}; save it as 8-bit black and white")
    pixels_HWC = np.asarray(image.convert("RGBA")).astype(np.int16)
    if pixels_HWC[..., 3].min() < 255:
        raise SettingsError(
            f"{named} is transparent in places; fill it: white where the picture may change, else black"
        )
    if np.ptp(pixels_HWC[..., :3], axis=2).max() > _GREY_TOLERANCE:
        raise SettingsError(f"{named} is in colour; paint it white where the picture may change, else black")
    return image.convert("L")
