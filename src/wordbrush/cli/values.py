"""Strict readers of what a user types: each names the option, and shows how to write it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from wordbrush.errors import SettingsError
from wordbrush.files import is_file

if TYPE_CHECKING:
    from wordbrush.edits.lora_window import LoraWindow

T = TypeVar("T")
_SIDE = re.compile(r"0*[1-9][0-9]{0,5}")
_WHOLE = re.compile(r"[+-]?([0-9]+)")
_MAX_DIGITS = 19
_MAX_LENGTH = 40
"""No number that means anything is longer."""


def text(option: str, value: str) -> str:
    """Text that can be written again: a terminal may hand over bytes that are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        shown = value.encode(errors="backslashreplace").decode()
        raise SettingsError(f"{option} '{shown:.60}' is not UTF-8; set the terminal to UTF-8") from None
    return value


def whole(option: str, value: str) -> int:
    """Read a whole number, of at most 19 digits: no option takes more.

    >>> whole("--seed", "7")
    7
    """
    digits = _WHOLE.fullmatch(value.strip())
    if digits is None:
        raise SettingsError(f"{option} '{short(value)}' is not a whole number; write for example {option} 7")
    if len(digits[1]) > _MAX_DIGITS:
        raise SettingsError(f"{option} '{short(value)}' has {len(digits[1])} digits; write for example {option} 7")
    return int(value)


def number(option: str, value: str) -> float:
    """Read a number.

    >>> number("--guidance", "7.5")
    7.5
    """
    try:
        if len(value) <= _MAX_LENGTH:
            return float(value)
    except ValueError:
        pass
    raise SettingsError(f"{option} '{short(value)}' is not a number; write for example {option} 0.5")


def path(option: str, value: str) -> Path:
    """Read the path of a file or a folder; "~" is the home folder."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise SettingsError(f"{option} '{value:.60}': there is no such home folder; write the whole path") from None


def lora_file(option: str, value: str) -> tuple[Path, float | None]:
    """Read FILE or FILE:SCALE; a file that has the whole name is meant.

    >>> lora_file("--lora", "toy.safetensors:0.8")
    (PosixPath('toy.safetensors'), 0.8)
    >>> lora_file("--lora", "toy.safetensors")
    (PosixPath('toy.safetensors'), None)
    """
    whole_name = path(option, value)
    name, colon, scale = value.rpartition(":")
    if not colon or is_file(whole_name) or not name.endswith(".safetensors"):
        return whole_name, None
    return path(option, name), number(option, scale)


def lora_windows(option: str, values: Sequence[str]) -> "tuple[LoraWindow, ...] | None":
    """Read NAME, NAME:SCALE and NAME:SCALE@START..END, once or several times; "none" alone for no LoRA at all.

    >>> [str(one) for one in lora_windows("--target-lora", ["style:0.8@0.2..1", "toy@0.5"])]
    ["LoRA 'style' x 0.8 from 0.2 to 1", "LoRA 'toy' x 1 until 0.5"]
    >>> lora_windows("--target-lora", ["none"]), lora_windows("--target-lora", [])
    ((), None)
    """
    from wordbrush.edits.lora_window import LoraWindow

    if not values:
        return None
    if tuple(values) == ("none",):
        return ()
    found = []
    for value in values:
        named, at, when = value.partition("@")
        name, colon, scale = named.partition(":")
        if not name:
            raise SettingsError(f"{option} '{short(value)}' names no LoRA; write for example {option} style:0.8")
        bounds = window(option, when) if at else 1.0
        start, end = bounds if isinstance(bounds, tuple) else (0.0, bounds)
        found.append(LoraWindow(name, number(option, scale) if colon else 1.0, start, end))
    return tuple(found)


def concept_file(option: str, value: str) -> tuple[Path, str | None]:
    """Read FILE or WORD=FILE; a file that has the whole name is meant.

    >>> concept_file("--concept", "<toy>=cat-toy.safetensors")
    (PosixPath('cat-toy.safetensors'), '<toy>')
    """
    whole_name = path(option, value)
    word, equals, name = value.partition("=")
    if not equals or is_file(whole_name):
        return whole_name, None
    return path(option, name), word.strip()


def window(option: str, value: str) -> float | tuple[float, float]:
    """Read the end of a window, or START..END.

    >>> window("--cross-steps", "0.8"), window("--cross-steps", "0.2..0.8")
    (0.8, (0.2, 0.8))
    """
    start, dots, end = value.partition("..")
    return (number(option, start), number(option, end)) if dots else number(option, value)


def by_word(
    option: str, values: Sequence[str], read: Callable[[str, str], T], form: str, example: str
) -> dict[str, T]:
    """Read a repeated option WORD=VALUE; `form` and `example` show how.

    >>> by_word("--weight", ["teddy bear=2.5", "red=-1"], number, "WORD=NUMBER", "red=2.0")
    {'teddy bear': 2.5, 'red': -1.0}
    """
    found: dict[str, T] = {}
    for value in values:
        word, equals, given = value.rpartition("=")
        word = word.strip()
        if not equals or not word:
            _refuse_pair(option, value, form, example)
        if word.casefold() in map(str.casefold, found):  # prompts are searched without regard to case
            raise SettingsError(f"{option} names '{word}' twice; give it once")
        try:
            found[word] = read(option, given)
        except SettingsError:
            _refuse_pair(option, value, form, example)
    return found


def words(option: str, value: str | None) -> tuple[str, ...] | None:
    """Read WORD[,WORD]; None where the option is not given.

    >>> words("--blend", "teddy bear, cat[1]"), words("--blend", None)
    (('teddy bear', 'cat[1]'), None)
    """
    if value is None:
        return None
    parts = tuple(part.strip() for part in value.split(","))
    if not all(parts):
        raise SettingsError(f"{option} '{short(value)}' is not WORD[,WORD]; separate them by commas, such as one,two")
    return parts


def picture_size(value: str | None) -> tuple[int, int] | None:
    """Read "512" or "512x768" as (height, width).

    >>> picture_size("512x768"), picture_size("64")
    ((512, 768), (64, 64))
    """
    if value is None:
        return None
    sides = _sides(value)
    if sides is None:
        raise SettingsError(
            f"--size '{short(value)}' is not a size; write 512, or HEIGHTxWIDTH such as 512x768, in pixels"
        )
    return sides[0], sides[-1]


def map_resolution(value: str | None) -> int | tuple[int, int] | Literal["all"] | None:
    """Read "16", "16x24" (height first) or "all".

    >>> map_resolution("16"), map_resolution("16x24"), map_resolution("all")
    (16, (16, 24), 'all')
    """
    if value is None or value == "all":
        return None if value is None else "all"
    sides = _sides(value)
    if sides is None:
        raise SettingsError(f"--resolution '{short(value)}' is not one; write 16, HEIGHTxWIDTH such as 16x24, or all")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def setting(value: str) -> int | float | str:
    """Read a value of a method's setting: a number where it is one.

    >>> setting("7"), setting("0.36"), setting("fast")
    (7, 0.36, 'fast')
    """
    for read in (whole, number):
        try:
            return read("--setting", value)
        except SettingsError:
            continue
    return value


def short(value: str) -> str:
    """The beginning of a value, for an error's one line.

    >>> short("9" * 5000)
    '99999999999999999999...'
    """
    return value if len(value) <= _MAX_LENGTH else f"{value[:20]}..."


def _sides(value: str) -> list[int] | None:
    sides = value.lower().split("x")
    if len(sides) > 2 or not all(_SIDE.fullmatch(side.strip()) for side in sides):
        return None
    return [int(side) for side in sides]


def _refuse_pair(option: str, value: str, form: str, example: str) -> None:
    raise SettingsError(f"{option} '{short(value)}' is not {form}; write for example {option} {example}") from None
