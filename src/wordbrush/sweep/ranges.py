"""Values as a user writes them: "0:1:0.2", "0,0.25,1", "1:5"."""

import re
from decimal import Decimal

from wordbrush.errors import SettingsError

MAX_VALUES = 10_000
"""More values than this in one range are a mistake, and not counted out."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,19}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,2})?")


def parse_range(text: str, name: str) -> tuple[float, ...]:
    """Read numbers and ranges start:stop:step between commas; a stop that the step meets belongs to its range.

    `name` is what errors call the place. Steps are added as decimals, so there are exactly the values one counts.

    Raises `SettingsError`.

    >>> parse_range("0:1:0.2", "--cross-steps")
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    >>> parse_range("8:-2:-5,0.5", "--weight")
    (8.0, 3.0, -2.0, 0.5)
    """
    return tuple(float(value) + 0.0 for value in _parse(text, name, whole=False))  # + 0.0: there is no minus zero


def parse_whole_range(text: str, name: str) -> tuple[int, ...]:
    """Read whole numbers in the same way, as seeds are; the step may be left out where it is 1.

    Raises `SettingsError`.

    >>> parse_whole_range("1:3,7", "--seeds")
    (1, 2, 3, 7)
    """
    return tuple(int(value) for value in _parse(text, name, whole=True))


def _parse(text: str, name: str, *, whole: bool) -> list[Decimal]:
    values: list[Decimal] = []
    for part in text.split(","):
        values += _part(part.strip(), text, name, whole)
        if len(values) > MAX_VALUES:
            _refuse(text, name, f"has more than {MAX_VALUES} values; take a wider step")
    if whole and any(value != value.to_integral_value() for value in values):
        _refuse(text, name, "must be of whole numbers, such as 1,2,3 or 1:5")
    if len(set(values)) < len(values):
        twice = next(value for i, value in enumerate(values) if value in values[:i])
        _refuse(text, name, f"has {float(twice):g} twice; give each value once")
    return values


def _part(part: str, text: str, name: str, whole: bool) -> list[Decimal]:
    bounds = [bound.strip() for bound in part.split(":")]
    if whole and len(bounds) == 2:
        bounds.append("1")
    if len(bounds) not in (1, 3) or not all(map(_NUMBER.fullmatch, bounds)):
        example = "1,2,3 or 1:5" if whole else "0,0.5,1 or 0:1:0.2 (start:stop:step)"
        _refuse(text, name, f"is not numbers or a range; write for example {example}")
    numbers = [Decimal(bound) for bound in bounds]
    if len(numbers) == 1:
        return numbers
    start, stop, step = numbers
    if step == 0:
        _refuse(text, name, "has a step of 0; give another")
    if (stop - start) * step < 0:
        _refuse(text, name, "never gets from its start to its stop; turn the sign of its step")
    if (stop - start) / step >= MAX_VALUES:
        _refuse(text, name, f"has more than {MAX_VALUES} values; take a wider step")
    return [start + step * i for i in range(int((stop - start) / step) + 1)]


def _refuse(text: str, name: str, why: str) -> None:
    raise SettingsError(f"{name} '{text:.60}' {why}")
