"""A run's rows, summarised by method: means with intervals, and the failures counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wordbrush_bench.bootstrap import Mean, mean_of
from wordbrush_bench.journal import Row


@dataclass(frozen=True)
class ColumnSummary:
    """A column of a method's rows: the mean of those with a value, the number of those without, and the reasons."""

    mean: Mean | None
    gaps: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class MethodSummary:
    """A method's rows: the cases tried, those that failed with an error, and the summary of each column by its name.

    `refused` is the reason if the method refused every case.
    """

    method: str
    tried: int
    failed: int
    refused: str | None
    cells: dict[str, ColumnSummary]


def summarise(
    rows: Sequence[Row], columns: Sequence[str], take: Callable[[Row], bool] = lambda row: True
) -> list[MethodSummary]:
    """Summarise rows by method, in the order in which methods first occur.

    A failed case has no picture and therefore no values: it is counted as failed, and in the column "success" as 0.

    Args:
        rows: of a journal.
        columns: names of the columns to summarise.
        take: which rows to use; all by default.
    """
    taken: dict[str, list[Row]] = {}
    for row in rows:
        if take(row):
            taken.setdefault(row.method, []).append(row)
    return [_summary(method, own, columns) for method, own in taken.items()]


def _summary(method: str, rows: list[Row], columns: Sequence[str]) -> MethodSummary:
    tried = [row for row in rows if row.refused is None]
    refusals = [row.refused for row in rows if row.refused is not None]
    failed = sum(row.error is not None for row in tried)
    cells = {column: _column(tried, column) for column in columns}
    return MethodSummary(method, len(tried), failed, refusals[0] if refusals and not tried else None, cells)


def _column(rows: list[Row], column: str) -> ColumnSummary:
    values = [row.values[column] for row in rows if column in row.values]
    gaps = [row.gaps[column] for row in rows if column in row.gaps]
    if column == "success":
        values += [0.0] * sum(row.error is not None for row in rows)
    return ColumnSummary(mean_of(values), len(gaps), tuple(dict.fromkeys(gaps)))
