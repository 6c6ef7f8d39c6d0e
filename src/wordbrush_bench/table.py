"""A run's rows, summed up: means with intervals, by method, kind and origin, with failures counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wordbrush_bench.bootstrap import Mean, mean_of
from wordbrush_bench.journal import Row


@dataclass(frozen=True)
class Cell:
    """A column of some rows: its mean over those that have a number, how many have none, and the reasons."""

    mean: Mean | None
    gaps: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A method's rows: how many cases were tried, how many failed with an error, and its cells by column."""

    method: str
    tried: int
    failed: int
    refused: str | None
    cells: dict[str, Cell]


def lines(rows: Sequence[Row], columns: Sequence[str], take: Callable[[Row], bool] = lambda row: True) -> list[Line]:
    """A line for each method, in the order of the rows, of those rows that `take` wants.

    A failed case has no picture and so no numbers: it is counted beside the means, and in the column "success", where
    there is one, as no success.
    """
    taken: dict[str, list[Row]] = {}
    for row in rows:
        if take(row):
            taken.setdefault(row.method, []).append(row)
    return [_line(method, own, columns) for method, own in taken.items()]


def _line(method: str, rows: list[Row], columns: Sequence[str]) -> Line:
    tried = [row for row in rows if row.refused is None]
    refusals = [row.refused for row in rows if row.refused is not None]
    failed = sum(row.error is not None for row in tried)
    cells = {column: _cell(tried, column) for column in columns}
    return Line(method, len(tried), failed, refusals[0] if refusals and not tried else None, cells)


def _cell(rows: list[Row], column: str) -> Cell:
    values = [row.values[column] for row in rows if column in row.values]
    gaps = [row.gaps[column] for row in rows if column in row.gaps]
    if column == "success":
        values += [0.0] * sum(row.error is not None for row in rows)
    return Cell(mean_of(values), len(gaps), tuple(dict.fromkeys(gaps)))
