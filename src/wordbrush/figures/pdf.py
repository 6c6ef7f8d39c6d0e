"""The page of all figures as a PDF of typeset A4 pages, one or more for each figure."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from wordbrush.figures.book import Entry
from wordbrush.figures.comments import UNSEEN
from wordbrush.figures.made import Line, Picture
from wordbrush.figures.page import colophon
from wordbrush.views.picture_grid import resized
from wordbrush.views.typeset import HAIRLINE, INK, PAPER, SOFT_INK, font, wrap

_DPI = 200
_WIDTH, _HEIGHT = 1654, 2339
"""A4 at 200 dots an inch."""
_MARGIN = 150
_GAP = 24
_MOST_ACROSS = 7
_WRONG = (163, 38, 27)
_TITLE, _HEAD, _TEXT, _SMALL = 54, 40, 28, 22


def pdf_pages(entries: Sequence[Entry], title: str) -> bytes:
    """The PDF's bytes."""
    sheets = list(_pages(entries, title))
    buffer = io.BytesIO()
    sheets[0].save(
        buffer, format="PDF", save_all=True, append_images=sheets[1:], resolution=_DPI, quality=93, title=title
    )
    return buffer.getvalue()


def _pages(entries: Sequence[Entry], title: str) -> Iterator[Image.Image]:
    """Figures flow down pages; a figure that fits whole on the next page, or a part that does not fit, goes there."""
    page = _Page()
    page.add(
        _stacked([*_words(title, _TITLE, INK), *(p for t in colophon(entries) for p in _words(t, _SMALL, SOFT_INK))])
    )
    for entry in entries:
        parts = _parts(entry)
        if not page.takes(sum(part.height for part in parts)) and page.used > _HEIGHT // 3:
            yield page.sheet
            page = _Page()
        for part in parts:
            if not page.takes(part.height) and page.used > _MARGIN:
                yield page.sheet
                page = _Page()
            page.add(part)
    yield page.sheet


class _Page:
    """A sheet that fills from top to bottom."""

    def __init__(self) -> None:
        self.sheet = Image.new("RGB", (_WIDTH, _HEIGHT), PAPER)
        self.used = _MARGIN

    def takes(self, height: int) -> bool:
        return self.used + height <= _HEIGHT - _MARGIN

    def add(self, piece: Image.Image) -> None:
        self.sheet.paste(piece, (_MARGIN, self.used))
        self.used += piece.height


def _parts(entry: Entry) -> list[Image.Image]:
    """A figure as parts of the page's width that are not broken: its head with its first pictures, ..., its comment
    with its last.
    """
    head = [
        _rule(),
        *_words(f"Figure {entry.figure.name}", _HEAD, INK),
        *_words(entry.figure.shows, _TEXT, INK),
        *_words(entry.figure.note, _TEXT, SOFT_INK),
        *_words(f"Failed: {entry.failure}" if entry.failure else "", _TEXT, _WRONG),
    ]
    parts = [_line(entry.folder, line) for line in entry.made.lines] if entry.made else [[]]
    parts[0] = [*head, *parts[0]]
    if entry.made:
        parts[-1] += [_space(10), *_comment(entry)]
    return [_stacked(part) for part in parts]


def _line(folder: Path, line: Line) -> list[Image.Image]:
    label = ", ".join(filter(None, [line.label, line.details]))
    return [_space(14), *_words(label, _SMALL, SOFT_INK), *_strips(folder, line)]


def _comment(entry: Entry) -> list[Image.Image]:
    if entry.comment is None:
        return _words(UNSEEN, _TEXT, SOFT_INK)
    return _words(f"Good: {entry.comment.good}", _TEXT, INK) + _words(f"Bad: {entry.comment.bad}", _TEXT, INK)


def _stacked(pieces: Sequence[Image.Image]) -> Image.Image:
    whole = _space(sum(piece.height for piece in pieces))
    top = 0
    for piece in pieces:
        whole.paste(piece, (0, top))
        top += piece.height
    return whole


def _strips(folder: Path, line: Line) -> Iterator[Image.Image]:
    """The pictures of a line, side by side with their captions, in as few strips as hold them."""
    count = len(line.pictures)
    strips = -(-count // _MOST_ACROSS)
    across = max(4, -(-count // strips))
    for start in range(0, count, across):
        yield _strip(folder, line.pictures[start : start + across], across)


def _strip(folder: Path, pictures: Sequence[Picture], across: int) -> Image.Image:
    width = (_WIDTH - 2 * _MARGIN - (across - 1) * _GAP) // across
    small = font(_SMALL)
    images = []
    for picture in pictures:
        with Image.open(folder / picture.file, formats=("PNG",)) as opened:
            images.append(resized(opened, (width, round(width * opened.height / opened.width))))
    words = [(wrap(p.caption, small, width), wrap(p.details, small, width)) for p in pictures]
    line = _SMALL + 8
    tall = max(image.height for image in images)
    height = tall + 10 + line * max(len(caption) + len(details) for caption, details in words) + 16
    strip = Image.new("RGB", (_WIDTH - 2 * _MARGIN, height), PAPER)
    draw = ImageDraw.Draw(strip)
    for number, (image, (caption, details)) in enumerate(zip(images, words, strict=True)):
        left = number * (width + _GAP)
        strip.paste(image, (left, 0))
        draw.rectangle((left, 0, left + width - 1, image.height - 1), outline=HAIRLINE)
        for place, text in enumerate([*caption, *details]):
            ink = INK if place < len(caption) else SOFT_INK
            draw.text((left, tall + 8 + place * line), text, fill=ink, font=small)
    return strip


def _words(text: str, size: int, ink: tuple[int, int, int]) -> list[Image.Image]:
    """A paragraph as one strip; none for an empty text."""
    lines = wrap(text, font(size), _WIDTH - 2 * _MARGIN)
    if not lines:
        return []
    leading = round(size * 1.4)
    strip = _space(leading * len(lines) + 6)
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        draw.text((0, number * leading), line, fill=ink, font=font(size))
    return [strip]


def _space(height: int) -> Image.Image:
    return Image.new("RGB", (_WIDTH - 2 * _MARGIN, height), PAPER)


def _rule() -> Image.Image:
    strip = _space(58)
    ImageDraw.Draw(strip).line((0, 34, strip.width, 34), fill=HAIRLINE, width=2)
    return strip
