"""The table of sizes: `sizes.csv`, and `kinds.csv` for the words whose size is another noun's."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

Relation = Literal["synonym", "kind"]
"""Whether a word is another name of its noun (bike, bicycle) or a narrower one (spaniel, dog)."""


@dataclass(frozen=True)
class Size:
    """How large a thing is: its noun, a category, its longest extent in metres, and where the figure is from."""

    noun: str
    category: str
    metres: float
    source: str


@dataclass(frozen=True)
class Kind:
    """The noun whose size a word has, and why."""

    noun: str
    relation: Relation


@cache
def sizes() -> Mapping[str, Size]:
    """The size of each noun of the table.

    >>> sizes()["watermelon"].metres / sizes()["apple"].metres
    3.75
    """
    rows = _rows("sizes.csv")
    return {row["noun"]: Size(row["noun"], row["category"], float(row["metres"]), row["source"]) for row in rows}


@cache
def kinds() -> Mapping[str, Kind]:
    """The words that are not in the table but have the size of a noun that is.

    >>> kinds()["spaniel"]
    Kind(noun='dog', relation='kind')
    """
    return {row["word"]: Kind(row["noun"], cast(Relation, row["relation"])) for row in _rows("kinds.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
