"""A picture of any size in a canvas that a model takes, and the way back. Sizes are (height, width) in pixels."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from wordbrush.errors import PhotoError, SettingsError

_MOST_AREA = 1.1
"""How much area a canvas may have, as a multiple of the model's own: a good shape is not lost for a few pixels."""
_LONGEST = 2
"""How long a side may be, as a multiple of the model's own; wider pictures are padded."""


@dataclass(frozen=True)
class Fit:
    """Where a photograph lies in a model's canvas; the rest of the canvas mirrors the photograph.

    photo_size: (height, width) of the photograph in pixels.
    canvas_size: (height, width) of the canvas in pixels.
    box: (top, left, height, width) of the scaled photograph in the canvas, in pixels.

    Raises `SettingsError` for a box that is empty or leaves the canvas.
    """

    photo_size: tuple[int, int]
    canvas_size: tuple[int, int]
    box: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        """Check the numbers, which may come from anybody's record."""
        top, left, height, width = self.box
        inside = 0 <= top <= top + height <= self.canvas_size[0] and 0 <= left <= left + width <= self.canvas_size[1]
        if min(*self.photo_size, height, width) < 1 or not inside:
            raise SettingsError(
                f"the fit of the photo is invalid: {self.box} in {self.canvas_size}; use the record as written"
            )

    @property
    def is_whole(self) -> bool:
        """Whether the photo is the canvas, pixel for pixel."""
        return self.photo_size == self.canvas_size == self.box[2:]


def fit_to(photo_size: tuple[int, int], native_size: tuple[int, int], multiple: int) -> Fit:
    """Choose a canvas for a photo: about the model's own area, in a shape near the photo's.

    photo_size, native_size: (height, width) of the photo and of the model's own pictures, in pixels.
    multiple: what each side of the canvas is a multiple of, in pixels.

    >>> fit_to((512, 512), (512, 512), 64).is_whole
    True
    >>> fit_to((200, 300), (512, 512), 64)
    Fit(photo_size=(200, 300), canvas_size=(448, 640), box=(10, 0, 427, 640))
    """
    area = native_size[0] * native_size[1] * _MOST_AREA
    heights, widths = (range(multiple, _LONGEST * side + 1, multiple) for side in native_size)
    shapes = [(height, width) for height in heights for width in widths if height * width <= area] or [native_size]
    fits = [fit_into(photo_size, shape) for shape in shapes]
    # The largest picture of the photo wins; among equals, the canvas with the least mirrored area.
    return max(fits, key=lambda fit: (fit.box[2] * fit.box[3], -fit.canvas_size[0] * fit.canvas_size[1]))


def fit_into(photo_size: tuple[int, int], canvas_size: tuple[int, int]) -> Fit:
    """Fit a photo of `photo_size` into a canvas of `canvas_size`, both (height, width): whole and in the middle.

    >>> fit_into((100, 300), (128, 128)).box
    (42, 0, 43, 128)
    """
    scale = min(canvas_size[0] / photo_size[0], canvas_size[1] / photo_size[1])
    height, width = (max(1, min(c, round(p * scale))) for p, c in zip(photo_size, canvas_size, strict=True))
    return Fit(photo_size, canvas_size, ((canvas_size[0] - height) // 2, (canvas_size[1] - width) // 2, height, width))


def to_canvas(photo: Image.Image, fit: Fit) -> Image.Image:
    """The photo as the model sees it: scaled into its box, and mirrored around it.

    Raises `PhotoError` for a photo of another size.
    """
    if (photo.height, photo.width) != fit.photo_size:
        raise PhotoError(
            f"the photo is {photo.height} x {photo.width} pixels (height x width), and its fit is for "
            f"{fit.photo_size[0]} x {fit.photo_size[1]}; give the same photo"
        )
    if fit.is_whole:
        return photo
    top, left, height, width = fit.box
    scaled_HWC = np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS))
    below, right = fit.canvas_size[0] - top - height, fit.canvas_size[1] - left - width
    return Image.fromarray(np.pad(scaled_HWC, ((top, below), (left, right), (0, 0)), mode="reflect"))


def from_canvas(canvas: Image.Image, fit: Fit) -> Image.Image:
    """The photo's part of a canvas, at the photo's size."""
    if fit.is_whole:
        return canvas
    top, left, height, width = fit.box
    size = (fit.photo_size[1], fit.photo_size[0])
    return canvas.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + width, top + height))


def mask_to_canvas(mask: Image.Image, fit: Fit) -> Image.Image:
    """A grey mask of the photo, of any size, as a mask of its canvas: black where the photo is not."""
    top, left, height, width = fit.box
    canvas = Image.new("L", (fit.canvas_size[1], fit.canvas_size[0]))
    canvas.paste(mask.resize((width, height), Image.Resampling.BOX), (left, top))
    return canvas


def mask_from_canvas(mask: Image.Image, fit: Fit) -> Image.Image:
    """The photo's part of a black and white mask, at the photo's size."""
    return from_canvas(mask, fit).point(lambda value: 255 if value >= 128 else 0)
