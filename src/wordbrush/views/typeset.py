"""How sheets and pages are set: their inks, their type, and lines that fit a width."""

from functools import cache

from PIL import ImageFont

PAPER = (255, 255, 255)
INK = (34, 34, 38)
SOFT_INK = (112, 112, 120)
HAIRLINE = (216, 216, 220)
BLANK = (244, 244, 246)
"""Where a picture could be and is not."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """The face of everything that is written: the scalable one that Pillow carries."""
    return ImageFont.load_default(size=size)


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
