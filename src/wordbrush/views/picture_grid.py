"""One grid of a sheet: captioned pictures in strips, whose rows and columns say what they are."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from PIL import Image, ImageDraw

from wordbrush.views.typeset import BLANK, HAIRLINE, INK, PAPER, SMALL, SOFT_INK, TEXT, Paragraph, font, leading

MAX_SIDE = 16_000
"""Pictures shrink, to `_MIN_SHOWN` pixels at the least, so that no side of a sheet is much longer than this."""

GAP = 12
_AROUND_CAPTION = 6
_MAX_LABEL = 132
"""Labels of strips are broken into lines of this width."""
_MIN_SHOWN = 24


@dataclass(frozen=True, eq=False)
class Captioned:
    """A picture, its caption below it, and below that a note in softer ink. Without a picture its place is blank."""

    image: Image.Image | None
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Strip:
    """Pictures side by side. `label` stands to their left, and `references` to the left of that."""

    pictures: Sequence[Captioned]
    label: str = ""
    references: Sequence[Captioned] = ()


@dataclass(frozen=True, eq=False)
class PictureGrid:
    """Strips below each other. A name says what an axis is, a label what one column is; an empty one is left out."""

    strips: Sequence[Strip]
    title: str = ""
    row_name: str = ""
    column_name: str = ""
    column_labels: Sequence[str] = ()


class Scale:
    """How large pictures are shown, and the (width, height) of the place of each."""

    def __init__(self, grids: Sequence[PictureGrid], min_side: int) -> None:
        """Find what fits a sheet; a shorter side is at least `min_side` pixels before that."""
        self._min_side, self._shrink = min_side, 1.0
        strips = [strip for grid in grids for strip in grid.strips]
        images = [p.image for strip in strips for p in (*strip.references, *strip.pictures) if p.image is not None]
        width, height = (max(sides) for sides in zip(*(self.shown(image) for image in images), strict=True))
        columns = max(len(strip.references) + len(strip.pictures) for strip in strips)
        fits = min(1.0, (MAX_SIDE / columns - GAP) / width, (MAX_SIDE / len(strips) - GAP) / height)
        self._shrink = max(fits, min(1.0, _MIN_SHOWN / min(width, height)))
        self.place = max(self.shown(image)[0] for image in images), max(self.shown(image)[1] for image in images)

    def shown(self, image: Image.Image) -> tuple[int, int]:
        """The (width, height) of a picture on the sheet."""
        width, height = enlarged_size(image.size, self._min_side)
        return max(1, int(width * self._shrink)), max(1, int(height * self._shrink))


def draw_grid(grid: PictureGrid, scale: Scale) -> Image.Image:
    """A grid on paper of its own, with a pixel more on each side for the hairlines."""
    width = scale.place[0]
    references = max(len(strip.references) for strip in grid.strips) * (width + GAP)
    name = leading(TEXT) + _AROUND_CAPTION if grid.row_name else 0
    labels = [Paragraph(strip.label, TEXT, INK, _MAX_LABEL) for strip in grid.strips]
    label = max(paragraph.width for paragraph in labels)
    left = 1 + references + (GAP if references else 0) + name + (label + GAP if label else 0)
    right = left + max(len(strip.pictures) for strip in grid.strips) * (width + GAP) - GAP + 1
    title = leading(TEXT) + 2 * _AROUND_CAPTION if grid.title else 0
    top = 1 + title + leading(TEXT) * bool(grid.column_name)
    top += leading(TEXT) + _AROUND_CAPTION if any(grid.column_labels) else 0
    heights = [_strip_height(strip, scale) for strip in grid.strips]
    length = int(font(TEXT).getlength(grid.row_name))
    bottom = top + max(sum(heights) + GAP * (len(heights) - 1), length) + 1
    names = int(font(TEXT).getlength(grid.column_name)), int(font(TEXT).getlength(grid.title))
    block = Image.new("RGB", (max(right, left + names[0], names[1]), bottom), PAPER)
    draw = ImageDraw.Draw(block)
    if grid.title:
        draw.line((0, 0, block.width, 0), fill=HAIRLINE)
        draw.text((0, _AROUND_CAPTION), grid.title, fill=INK, font=font(TEXT))
    middle = left + max(0, right - left - font(TEXT).getlength(grid.column_name)) / 2
    draw.text((middle, 1 + title), grid.column_name, fill=SOFT_INK, font=font(TEXT))
    for column, words in _column_labels(grid.column_labels, width + GAP):
        at = left + column * (width + GAP) + width / 2
        draw.text((at, top - _AROUND_CAPTION), words, fill=INK, font=font(TEXT), anchor="md")
    _draw_upwards(block, grid.row_name, left - label - GAP * bool(label) - name, (top + bottom - length) // 2)
    for strip, paragraph, height in zip(grid.strips, labels, heights, strict=True):
        middle_of_pictures = top + (_picture_height(strip, scale) - paragraph.height) // 2
        paragraph.draw(draw, left - GAP - paragraph.width, middle_of_pictures)
        for pictures, start in ((strip.references, 1), (strip.pictures, left)):
            for column, picture in enumerate(pictures):
                _draw_picture(block, picture, (start + column * (width + GAP), top), strip, scale)
        top += height + GAP
    return block


def _column_labels(labels: Sequence[str], pitch: int) -> Iterator[tuple[int, str]]:
    """The labels that have room, by column: all, or every second, every third, ..., as on the axis of a plot."""
    widest = max((font(TEXT).getlength(words) for words in labels), default=0.0)
    stride = max(1, math.ceil((widest + 4) / pitch))
    return ((column, words) for column, words in enumerate(labels) if column % stride == 0)


def _picture_height(strip: Strip, scale: Scale) -> int:
    shown = [scale.shown(picture.image)[1] for picture in chain(strip.references, strip.pictures) if picture.image]
    return max(shown, default=scale.place[1])


def _strip_height(strip: Strip, scale: Scale) -> int:
    words = max(
        sum(paragraph.height for paragraph in _words(picture, scale))
        for picture in chain(strip.references, strip.pictures)
    )
    return _picture_height(strip, scale) + (_AROUND_CAPTION + words + _AROUND_CAPTION if words else 0)


def _words(picture: Captioned, scale: Scale) -> tuple[Paragraph, Paragraph]:
    width = scale.place[0]
    return Paragraph(picture.caption, TEXT, INK, width), Paragraph(picture.note, SMALL, SOFT_INK, width)


def _draw_picture(block: Image.Image, picture: Captioned, place: tuple[int, int], strip: Strip, scale: Scale) -> None:
    (x, y), (width, height) = place, (scale.place[0], _picture_height(strip, scale))
    draw = ImageDraw.Draw(block)
    if picture.image is None:
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=BLANK)
    else:
        width, height = scale.shown(picture.image)
        block.paste(resized(picture.image, (width, height)), place)
    # A hairline around it: a picture may be as white as the paper.
    draw.rectangle((x - 1, y - 1, x + width, y + height), outline=HAIRLINE)
    below = y + _picture_height(strip, scale) + _AROUND_CAPTION
    for paragraph in _words(picture, scale):
        paragraph.draw(draw, x, below)
        below += paragraph.height


def _draw_upwards(block: Image.Image, words: str, x: int, y: int) -> None:
    """Words that read upwards, as the axes of plots have them."""
    if words:
        face = font(TEXT)
        line = Image.new("L", (int(face.getlength(words)) + 2, leading(TEXT)), 0)
        ImageDraw.Draw(line).text((0, 0), words, fill=255, font=face)
        block.paste(SOFT_INK, (x, y), line.rotate(90, expand=True))


def enlarged_size(size: tuple[int, int], min_side: int) -> tuple[int, int]:
    """A (width, height) by the least whole factor that makes its shorter side `min_side` pixels or more.

    >>> enlarged_size((64, 96), 160)
    (192, 288)
    """
    factor = max(1, -(-min_side // min(size)))
    return size[0] * factor, size[1] * factor


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture as RGB at another (width, height)."""
    if image.size == size:
        return image.convert("RGB")
    how = Image.Resampling.BICUBIC if size[0] > image.width else Image.Resampling.LANCZOS
    return image.convert("RGB").resize(size, how)
