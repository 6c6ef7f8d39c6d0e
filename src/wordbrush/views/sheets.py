"""Sheets: grids of captioned pictures on white paper, under a title, with a colour bar and notes at the foot.

A sheet knows nothing of where its pictures come from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from wordbrush.views.colour import coloured
from wordbrush.views.picture_grid import GAP, MAX_SIDE, Captioned, PictureGrid, Scale, Strip, draw_grid
from wordbrush.views.typeset import INK, PAPER, SMALL, SOFT_INK, TITLE, Paragraph, font

_MARGIN, _BETWEEN_GRIDS, _ABOVE_FOOT = 24, 36, 20
_MIN_TEXT_WIDTH = 480
_PROPORTION = 1.4
"""Width to height of a sheet of several grids, roughly."""
_BAR_WIDTH, _BAR_HEIGHT = 200, 10


@dataclass(frozen=True)
class ColourScale:
    """What the darkest and the lightest of the map colours stand for."""

    low: str
    high: str


def comparison(rows: Sequence[Sequence[tuple[str, Image.Image]]], *, min_side: int = 256) -> Image.Image:
    """Rows of captioned pictures.

    Args:
        rows: (caption, picture) pairs, row by row.
        min_side: pixels; a picture whose shorter side is less is enlarged by a whole factor. Default 256.

    >>> sheet = comparison([[("source", Image.new("RGB", (64, 64))), ("edit", Image.new("RGB", (64, 64)))]])
    >>> sheet.mode, sheet.width > 2 * 256
    ('RGB', True)
    """
    strips = [Strip([Captioned(image, caption) for caption, image in row]) for row in rows]
    return draw_sheet([PictureGrid(strips)], min_side=min_side)


def draw_sheet(
    grids: Sequence[PictureGrid],
    *,
    title: str = "",
    notes: str = "",
    colours: ColourScale | None = None,
    min_side: int = 1,
) -> Image.Image:
    """Typeset grids of one shape, as many beside each other as make a sheet a little wider than high.

    Args:
        grids: at least one, and at least one picture among them.
        title: stands above them.
        notes: what holds for the whole sheet; stands below the grids.
        colours: the ends of a colour bar, drawn above the notes; no bar by default.
        min_side: pixels; a picture whose shorter side is less is enlarged by a whole factor. Default: none is.

    >>> cell = Captioned(Image.new("RGB", (64, 64)))
    >>> grid = PictureGrid([Strip([cell, cell], "1")], row_name="seed", column_name="weight", column_labels=("2", "4"))
    >>> draw_sheet([grid], title="a dog", min_side=160).size
    (528, 330)
    """
    scale = Scale(grids, min_side)
    drawn = [draw_grid(grid, scale) for grid in grids]
    width, height = max(block.width for block in drawn), max(block.height for block in drawn)
    across = _number_beside(len(drawn), width, height)
    down = -(-len(drawn) // across)
    least = _MIN_TEXT_WIDTH if title or notes or colours else 0
    inside = max(across * (width + _BETWEEN_GRIDS) - _BETWEEN_GRIDS, least)
    head, foot = Paragraph(title, TITLE, INK, inside), Paragraph(notes, SMALL, SOFT_INK, inside)
    bar = 0 if colours is None else _BAR_HEIGHT + 14
    top = _MARGIN + (head.height + GAP if title else 0)
    bottom = top + down * (height + _BETWEEN_GRIDS) - _BETWEEN_GRIDS
    below = _ABOVE_FOOT + bar + foot.height if bar or notes else 0
    page = Image.new("RGB", (inside + 2 * _MARGIN, bottom + below + _MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    head.draw(draw, _MARGIN, _MARGIN - 6)
    for number, block in enumerate(drawn):
        row, column = divmod(number, across)
        page.paste(block, (_MARGIN + column * (width + _BETWEEN_GRIDS), top + row * (height + _BETWEEN_GRIDS)))
    if colours is not None:
        _draw_colour_bar(page, draw, colours, bottom + _ABOVE_FOOT)
    foot.draw(draw, _MARGIN, bottom + _ABOVE_FOOT + bar)
    return page


def _number_beside(count: int, width: int, height: int) -> int:
    """How many grids stand beside each other."""

    def misshapen(across: int) -> float:
        return abs(math.log(across * width / (-(-count // across) * height) / _PROPORTION))

    fitting = [n for n in range(1, count + 1) if n == 1 or n * (width + _BETWEEN_GRIDS) <= MAX_SIDE]
    return min(fitting, key=misshapen)


def _draw_colour_bar(page: Image.Image, draw: ImageDraw.ImageDraw, colours: ColourScale, top: int) -> None:
    face, middle = font(SMALL), top + _BAR_HEIGHT // 2
    ramp = coloured(np.linspace(0, 1, _BAR_WIDTH, dtype=np.float32))
    left = _MARGIN + int(face.getlength(colours.low)) + 8
    page.paste(Image.fromarray(np.repeat(ramp[None], _BAR_HEIGHT, axis=0)), (left, top))
    draw.text((_MARGIN, middle), colours.low, fill=SOFT_INK, font=face, anchor="lm")
    draw.text((left + _BAR_WIDTH + 8, middle), colours.high, fill=SOFT_INK, font=face, anchor="lm")
