"""Options of the command line that are more than a number: parsed strictly, with an error that shows how."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.edits.blend import LocalBlend

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


def words(option: str, value: str | None) -> tuple[str, ...]:
    """Read WORD[,WORD].

    >>> words("--blend", "teddy bear, cat[1]")
    ('teddy bear', 'cat[1]')
    """
    if value is None:
        return ()
    parts = tuple(part.strip() for part in value.split(","))
    if not all(parts):
        raise SettingsError(f"{option} '{value}' is not WORD[,WORD]; separate them by commas, such as one,two")
    return parts


def blend_options(
    blend: str | None,
    subtract: str | None,
    threshold: float | None,
    start: float | None,
    mask: Path | None,
    hold_pixels: bool,
) -> "LocalBlend | None":
    """Read the options of a local blend; None where none is asked for, or a mask alone with nothing else.

    Raises `SettingsError` for one that could do nothing.
    """
    if blend is None and mask is None:
        needed = {"--blend-start": start is not None, "--hold-pixels": hold_pixels}
        _refuse(needed, "--blend WORD or --mask FILE")
    if blend is None:
        needed = {"--blend-subtract": subtract is not None, "--blend-threshold": threshold is not None}
        _refuse(needed, "--blend WORD, whose region it is about")
    named: dict[str, Any] = {"threshold": threshold, "start_blend": start}
    given = {name: value for name, value in named.items() if value is not None}
    if blend is None and not given and not hold_pixels:
        return None  # a mask alone is a blend of its own
    from wordbrush.edits.blend import LocalBlend

    subtracted = words("--blend-subtract", subtract)
    return LocalBlend(words("--blend", blend), subtract_words=subtracted, hold_pixels=hold_pixels, **given)


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


def comma_names(option: str, value: str | None) -> tuple[str, ...] | None:
    """Read NAME[,NAME]; None where the option is not given.

    >>> comma_names("--kinds", "mixed, change-pose"), comma_names("--kinds", None)
    (('mixed', 'change-pose'), None)
    """
    return None if value is None else words(option, value)


def map_words(value: str | None) -> tuple[str, ...] | None:
    """Read "dog,teddy bear" as words; None stands for every word.

    >>> map_words("dog, teddy bear"), map_words(None)
    (('dog', 'teddy bear'), None)
    """
    if value is None:
        return None
    words = tuple(word.strip() for word in value.split(","))
    if not all(words):
        raise SettingsError(f"--words '{value:.60}' has an empty word; write for example --words dog,apple")
    return words


def map_resolution(value: str | None) -> int | tuple[int, int] | Literal["all"] | None:
    """Read "16", "16x24" (height first) or "all".

    >>> map_resolution("16"), map_resolution("16x24"), map_resolution("all")
    (16, (16, 24), 'all')
    """
    if value is None:
        return None
    if value == "all":
        return "all"
    sides = value.lower().split("x")
    if len(sides) > 2 or not all(_SIDE.fullmatch(side.strip()) for side in sides):
        raise SettingsError(f"--resolution '{value:.20}' is not one; write 16, HEIGHTxWIDTH such as 16x24, or all")
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 else int(sides[0])


def _refuse(given: dict[str, bool], needs: str) -> None:
    for option, is_given in given.items():
        if is_given:
            raise SettingsError(f"{option} does nothing alone; add {needs}")
