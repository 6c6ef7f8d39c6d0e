"""A grid of pictures whose rows and columns say what they are, drawn on paper, and pages of such grids."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from wordbrush.views.typeset import BLANK, HAIRLINE, INK, PAPER, SOFT_INK, font, wrap

MAX_SIDE = 16_000
"""No side of a page is longer, in pixels, as long as its pictures stay `_LEAST` wide: they shrink instead."""

_MARGIN = 28
_GAP = 8
_SPACE = 36
"""Between blocks."""
_TITLE, _TEXT, _SMALL = 20, 15, 12
_LINE = 21
_GROWN = 160
_LEAST = 24


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture, or None for the blank place of one, with a word in its corner."""

    image: Image.Image | None
    tag: str = ""


@dataclass(frozen=True, eq=False)
class PictureGrid:
    """Pictures in rows of one length. `references` stand in front, row by row, under `reference_labels`.

    A name says what an axis is, a label what a row or column is; an empty one is not drawn.
    """

    title: str
    references: tuple[tuple[Tile, ...], ...]
    reference_labels: tuple[str, ...]
    row_name: str
    row_labels: tuple[str, ...]
    column_name: str
    column_labels: tuple[str, ...]
    tiles: tuple[tuple[Tile, ...], ...]


def draw_page(title: str, notes: str, grids: Sequence[PictureGrid]) -> Image.Image:
    """Typeset grids of one shape under a title and a line of notes, as many beside each other as make a good page.

    Small pictures are enlarged by whole factors; large ones shrink where the page would be longer than `MAX_SIDE`.

    >>> tile = Tile(Image.new("RGB", (64, 64)))
    >>> grid = PictureGrid("", (), (), "seed", ("1",), "weight", ("2", "4"), ((tile, tile),))
    >>> draw_page("a dog", "", [grid]).size
    (560, 343)
    """
    side = _shown_size(grids)
    drawn = [_draw_grid(grid, side) for grid in grids]
    width, height = drawn[0].size
    across = _beside(len(drawn), width, height)
    down = -(-len(drawn) // across)
    inside = max(across * (width + _SPACE) - _SPACE, 504)
    lines = wrap(title, font(_TITLE), inside)
    small = wrap(notes, font(_TEXT), inside)
    head = _MARGIN + len(lines) * 28 + len(small) * _LINE + 18
    page = Image.new("RGB", (inside + 2 * _MARGIN, head + down * (height + _SPACE) - _SPACE + _MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN - 4 + number * 28), line, fill=INK, font=font(_TITLE))
    for number, line in enumerate(small):
        draw.text((_MARGIN, _MARGIN + len(lines) * 28 + number * _LINE), line, fill=SOFT_INK, font=font(_TEXT))
    for number, block in enumerate(drawn):
        place = (_MARGIN + number % across * (width + _SPACE), head + number // across * (height + _SPACE))
        page.paste(block, place)
    return page


def _beside(count: int, width: int, height: int) -> int:
    """How many blocks stand beside each other, for a page that is a little wider than high."""

    def misshapen(across: int) -> float:
        return abs(math.log(across * width / (-(-count // across) * height) / 1.4))

    fitting = [across for across in range(1, count + 1) if across == 1 or across * (width + _SPACE) <= MAX_SIDE]
    return min(fitting, key=misshapen)


def _shown_size(grids: Sequence[PictureGrid]) -> tuple[int, int]:
    """The (width, height) at which all pictures are shown."""
    first = next(tile.image for grid in grids for row in grid.tiles for tile in row if tile.image is not None)
    columns = len(grids[0].tiles[0]) + len(grids[0].reference_labels)
    rows = sum(len(grid.tiles) for grid in grids)
    grown = max(1, -(-_GROWN // min(first.size)))
    width, height = first.width * grown, first.height * grown
    fits = min(1.0, (MAX_SIDE / columns - _GAP) / width, (MAX_SIDE / rows - _GAP) / height)
    fits = max(fits, min(1.0, _LEAST / min(width, height)))
    return max(1, int(width * fits)), max(1, int(height * fits))


def _draw_grid(grid: PictureGrid, side: tuple[int, int]) -> Image.Image:
    width, height = side
    text = font(_TEXT)
    top = (_LINE + 8) * bool(grid.title) + _LINE * bool(grid.column_name) + _LINE + 6
    references = len(grid.reference_labels) * (width + _GAP)
    labels = int(max(map(text.getlength, grid.row_labels)))
    left = references + _GAP + (_LINE + 4) * bool(grid.row_name) + labels + 8 * bool(labels)
    columns, rows = len(grid.tiles[0]), len(grid.tiles)
    # One pixel more on each side, for the hairlines.
    size = (left + columns * (width + _GAP) - _GAP + 1, top + rows * (height + _GAP) - _GAP + 1)
    block = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(block)
    if grid.title:
        draw.line((0, 0, size[0], 0), fill=HAIRLINE)
        draw.text((0, 8), grid.title, fill=INK, font=text)
    _centred(draw, grid.column_name, left, top - 2 * _LINE - 6, size[0] - left, SOFT_INK)
    for column, label in enumerate(grid.column_labels):
        _centred(draw, label, left + column * (width + _GAP), top - _LINE - 3, width, INK)
    for column, label in enumerate(grid.reference_labels):
        _centred(draw, label, 1 + column * (width + _GAP), top - _LINE - 3, width, INK)
    _upwards(block, grid.row_name, references + _GAP, top, size[1] - top)
    for row, label in enumerate(grid.row_labels):
        middle = top + row * (height + _GAP) + height // 2
        draw.text((left - 8 - text.getlength(label), middle - 10), label, fill=INK, font=text)
    for places, start in ((grid.references, 1), (grid.tiles, left)):
        for row, tiles in enumerate(places):
            for column, tile in enumerate(tiles):
                _put(block, tile, (start + column * (width + _GAP), top + row * (height + _GAP)), side)
    return block


def _put(block: Image.Image, tile: Tile, place: tuple[int, int], side: tuple[int, int]) -> None:
    (x, y), (width, height) = place, side
    draw = ImageDraw.Draw(block)
    if tile.image is None:
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=BLANK)
    else:
        block.paste(resized(tile.image, side), place)
    # A hairline around it: a picture may be as white as the paper.
    draw.rectangle((x - 1, y - 1, x + width, y + height), outline=HAIRLINE)
    small = font(_SMALL)
    length = small.getlength(tile.tag) + 10
    if tile.tag and length <= width:
        draw.rectangle((x, y + height - 18, x + length, y + height - 1), fill=PAPER)
        draw.text((x + 5, y + height - 16), tile.tag, fill=SOFT_INK, font=small)


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture at another size, as RGB."""
    if image.size == size:
        return image.convert("RGB")
    how = Image.Resampling.BICUBIC if size[0] > image.width else Image.Resampling.LANCZOS
    return image.convert("RGB").resize(size, how)


def _centred(draw: ImageDraw.ImageDraw, words: str, x: int, y: int, span: int, ink: tuple[int, int, int]) -> None:
    face = font(_TEXT)
    if face.getlength(words) <= span:
        draw.text((x + (span - face.getlength(words)) / 2, y), words, fill=ink, font=face)


def _upwards(block: Image.Image, words: str, x: int, y: int, height: int) -> None:
    """A word that reads upwards, centred along a height, as axes of plots have it."""
    face = font(_TEXT)
    length = int(face.getlength(words)) + 2
    if words and length <= height:
        strip = Image.new("L", (length, _LINE), 0)
        ImageDraw.Draw(strip).text((0, 0), words, fill=255, font=face)
        block.paste(SOFT_INK, (x, y + (height - length) // 2), strip.rotate(90, expand=True))
