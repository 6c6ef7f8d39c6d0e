"""Sheets of captioned tiles in rows, with a colour bar and a line that says what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from wordbrush.views.colour import coloured
from wordbrush.views.typeset import HAIRLINE, INK, PAPER, SOFT_INK, font, wrap

_MARGIN, _GAP, _ROW_LABEL = 24, 12, 120
_LARGE, _SMALL = 17, 13
_BAR_WIDTH, _BAR_HEIGHT = 200, 10


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture with a caption below it, and a note in a softer ink beside that."""

    image: Image.Image
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """Tiles side by side, with a label on their left."""

    tiles: Sequence[Tile]
    label: str = ""


@dataclass(frozen=True)
class Legend:
    """What the ends of the colours stand for, and what the sheet shows; no colour bar where `low` is None."""

    text: str
    low: str | None = None
    high: str = ""


def sheet(rows: Sequence[Row], legend: Legend) -> Image.Image:
    """Draw rows on white paper; all tiles have the size of the first.

    >>> sheet([Row([Tile(Image.new("RGB", (64, 64)), "dog")])], Legend("maps")).mode
    'RGB'
    """
    cell_w, cell_h = rows[0].tiles[0].image.size
    left = _MARGIN + (_ROW_LABEL if any(row.label for row in rows) else 0)
    columns = max(len(row.tiles) for row in rows)
    width = max(left + columns * (cell_w + _GAP) - _GAP, 320) + _MARGIN
    captions = [max(len(_caption(tile, cell_w)) for tile in row.tiles) for row in rows]
    heights = [cell_h + (lines * (_LARGE + 5) + 4 if lines else 0) + _GAP for lines in captions]
    notes = wrap(legend.text, font(_SMALL), width - 2 * _MARGIN)
    bar = _BAR_HEIGHT + 14 if legend.low is not None else 0
    below = bar + len(notes) * (_SMALL + 5)
    page = Image.new("RGB", (width, _MARGIN + sum(heights) + _GAP + below + _MARGIN - 6), PAPER)
    draw = ImageDraw.Draw(page)
    top = _MARGIN
    for row, height in zip(rows, heights, strict=True):
        _row_label(draw, row.label, top, cell_h)
        for column, tile in enumerate(row.tiles):
            _tile(page, draw, tile, left + column * (cell_w + _GAP), top)
        top += height
    top += _GAP
    if legend.low is not None:
        _colour_bar(page, draw, legend, top)
        top += bar
    for line in notes:
        draw.text((_MARGIN, top), line, fill=SOFT_INK, font=font(_SMALL))
        top += _SMALL + 5
    return page


def _tile(page: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, left: int, top: int) -> None:
    page.paste(tile.image.convert("RGB"), (left, top))
    right, bottom = left + tile.image.width, top + tile.image.height
    draw.rectangle((left - 1, top - 1, right, bottom), outline=HAIRLINE)
    for number, line in enumerate(_caption(tile, tile.image.width)):
        draw.text((left, bottom + 5 + number * (_LARGE + 5)), line, fill=INK, font=font(_LARGE))
    if tile.note:
        draw.text((right, bottom + 9), tile.note, fill=SOFT_INK, font=font(_SMALL), anchor="ra")


def _caption(tile: Tile, width: int) -> list[str]:
    note = int(font(_SMALL).getlength(tile.note)) + 8 if tile.note else 0
    return wrap(tile.caption, font(_LARGE), width - note)


def _row_label(draw: ImageDraw.ImageDraw, label: str, top: int, height: int) -> None:
    lines = wrap(label, font(_LARGE), _ROW_LABEL - _GAP)
    first = top + (height - len(lines) * (_LARGE + 5)) // 2
    for number, line in enumerate(lines):
        draw.text((_MARGIN, first + number * (_LARGE + 5)), line, fill=INK, font=font(_LARGE))


def _colour_bar(page: Image.Image, draw: ImageDraw.ImageDraw, legend: Legend, top: int) -> None:
    assert legend.low is not None
    ramp = coloured(np.linspace(0, 1, _BAR_WIDTH, dtype=np.float32))
    left = _MARGIN + int(font(_SMALL).getlength(legend.low)) + 8
    page.paste(Image.fromarray(np.repeat(ramp[None], _BAR_HEIGHT, axis=0)), (left, top))
    middle = top + _BAR_HEIGHT // 2
    draw.text((_MARGIN, middle), legend.low, fill=SOFT_INK, font=font(_SMALL), anchor="lm")
    draw.text((left + _BAR_WIDTH + 8, middle), legend.high, fill=SOFT_INK, font=font(_SMALL), anchor="lm")
