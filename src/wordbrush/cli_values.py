"""Options of the command line that are more than a number: parsed strictly, with an error that shows how."""

import re

from wordbrush.errors import SettingsError

_SIDE = re.compile(r"0*[1-9][0-9]{0,5}")


def word_numbers(option: str, values: list[str], example: str) -> dict[str, float]:
    """Read repeated WORD=NUMBER options.

    >>> word_numbers("--weight", ["teddy bear=2.5", "red=-1"], "red=2.0")
    {'teddy bear': 2.5, 'red': -1.0}
    """
    numbers: dict[str, float] = {}
    for value in values:
        word, equals, number = value.rpartition("=")
        word = word.strip()
        try:
            parsed = float(number)
        except ValueError:
            parsed = None
        if not equals or not word or parsed is None:
            raise SettingsError(f"{option} '{value}' is not WORD=NUMBER; write for example {option} {example}")
        if word.casefold() in map(str.casefold, numbers):  # prompts are searched without regard to case
            raise SettingsError(f"{option} names '{word}' twice; give it once")
        numbers[word] = parsed
    return numbers


def picture_size(value: str | None) -> tuple[int, int] | None:
    """Read "512" or "512x768" as (height, width).

    >>> picture_size("512x768"), picture_size("64")
    ((512, 768), (64, 64))
    """
    if value is None:
        return None
    sides = value.lower().split("x")
    if len(sides) > 2 or not all(_SIDE.fullmatch(side.strip()) for side in sides):
        raise SettingsError(
            f"--size '{value:.20}' is not a size; write 512, or HEIGHTxWIDTH such as 512x768, in pixels"
        )
    height, width = int(sides[0]), int(sides[-1])
    return height, width
