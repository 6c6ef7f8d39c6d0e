"""Sheets of pictures with captions, for looking at."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from wordbrush.views.typeset import HAIRLINE, INK, PAPER, font, wrap

_MARGIN = 14
_CAPTION = 15


def comparison(rows: Sequence[Sequence[tuple[str, Image.Image]]], *, min_side: int = 256) -> Image.Image:
    """Rows of captioned pictures on white paper; small pictures are enlarged, by whole factors, to `min_side`.

    >>> sheet = comparison([[("source", Image.new("RGB", (64, 64))), ("edit", Image.new("RGB", (64, 64)))]])
    >>> sheet.mode, sheet.width > 2 * 256
    ('RGB', True)
    """
    shown = [[(caption, _enlarged(image, min_side)) for caption, image in row] for row in rows]
    width = max(image.width for row in shown for _, image in row)
    face = font(_CAPTION)
    wrapped = [[(wrap(caption, face, width), image) for caption, image in row] for row in shown]
    line = _CAPTION + 5
    heights = [max(image.height + line * len(lines) for lines, image in row) + _MARGIN for row in wrapped]
    columns = max(map(len, wrapped))
    sheet = Image.new("RGB", (_MARGIN + columns * (width + _MARGIN), _MARGIN + sum(heights) + _MARGIN // 2), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = _MARGIN
    for row, height in zip(wrapped, heights, strict=True):
        for column, (lines, image) in enumerate(row):
            left = _MARGIN + column * (width + _MARGIN)
            sheet.paste(image, (left, top))
            # A hairline around it: a picture may be as white as the paper.
            draw.rectangle((left - 1, top - 1, left + image.width, top + image.height), outline=HAIRLINE)
            for number, text in enumerate(lines):
                draw.text((left, top + image.height + 4 + number * line), text, fill=INK, font=face)
        top += height
    return sheet


def _enlarged(image: Image.Image, min_side: int) -> Image.Image:
    factor = max(1, -(-min_side // min(image.size)))
    size = (image.width * factor, image.height * factor)
    return image.convert("RGB").resize(size, Image.Resampling.BICUBIC) if factor > 1 else image.convert("RGB")
