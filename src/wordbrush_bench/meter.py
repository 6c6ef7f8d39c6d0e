"""A meter: what measures an outcome, in one or several columns."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome


@dataclass(frozen=True)
class Gap:
    """Why there is no number: never a zero, and said in the report."""

    reason: str


Measured = float | Gap


@dataclass(frozen=True)
class Column:
    """A number that a meter gives: its name, its unit, which way is better, and its definition in a sentence."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    definition: str


COST = (
    Column("seconds", "s", "lower", "the edit, without its source"),
    Column(
        "source seconds", "s", "lower", "the source, or the inversion of the photograph, even if another row shares it"
    ),
    Column("peak memory", "MiB", "lower", "the maximum during either, above what was held before"),
)
"""What an outcome cost; the runner measures it."""


class Meter(Protocol):
    """Measures outcomes. One that lacks its weights is there all the same, and gives gaps that say so."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it measures."""

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """The value of every column, by name."""


def measure(meters: Iterable[Meter], case: Case, material: Material, outcome: Outcome) -> dict[str, Measured]:
    """What all of some meters say, by column; a number that is not finite is a gap."""
    found: dict[str, Measured] = {}
    for meter in meters:
        for name, value in meter.measure(case, material, outcome).items():
            finite = isinstance(value, Gap) or math.isfinite(value)
            found[name] = value if finite else Gap("not a finite number")
    return found
