"""Type on sheets: inks, sizes, and paragraphs that fit a width."""

from functools import cache

from PIL import ImageDraw, ImageFont

PAPER = (255, 255, 255)
INK = (34, 34, 38)
SOFT_INK = (104, 104, 112)
HAIRLINE = (216, 216, 220)
BLANK = (244, 244, 246)
"""Where a picture could be and is not."""

TITLE, TEXT, SMALL = 20, 15, 13

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Ink = tuple[int, int, int]


@cache
def font(size: int) -> Font:
    """The one typeface of sheets, the scalable one that Pillow carries, at a size in pixels."""
    return ImageFont.load_default(size=size)


def leading(size: int) -> int:
    """From one baseline to the next, in pixels."""
    return round(size * 1.4)


class Paragraph:
    """A text broken into lines of at most `width` pixels; an empty text has no lines and no height."""

    def __init__(self, text: str, size: int, ink: Ink, width: int) -> None:
        """Break `text` for type of `size` pixels."""
        self._lines, self._size, self._ink = wrap(text, font(size), width), size, ink

    @property
    def width(self) -> int:
        """The width of the longest line, rounded up."""
        return max((int(font(self._size).getlength(line)) + 1 for line in self._lines), default=0)

    @property
    def height(self) -> int:
        """The height of all lines."""
        return leading(self._size) * len(self._lines)

    def draw(self, draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
        """Set it with its top left corner at (x, y)."""
        for number, line in enumerate(self._lines):
            draw.text((x, y + number * leading(self._size)), line, fill=self._ink, font=font(self._size))


def wrap(text: str, face: Font, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels, at spaces, or inside a word that is wider than a line.

    >>> wrap("a dog eating an apple", font(15), 90)
    ['a dog eating', 'an apple']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and face.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines += _pieces(word, face, width)
    return lines


def _pieces(word: str, face: Font, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and face.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
