"""Tables in markdown."""

from collections.abc import Iterable, Mapping, Sequence

from wordbrush_bench.meter import Column
from wordbrush_bench.table import ColumnSummary, MethodSummary


def table(rows: Sequence[MethodSummary], columns: Sequence[Column]) -> str:
    """A table with a row for each method: its cases, its failures, and each column's mean with its 95 % interval.

    Args:
        rows: the methods, in order; a method that refused every case gets its reason instead of numbers.
        columns: the columns to show, in order.
    """
    drawn = []
    for line in rows:
        if line.refused is not None:
            drawn.append([line.method, "0", "-", f"no row: {line.refused}", *[""] * (len(columns) - 1)])
            continue
        cells = [shown(line.cells[column.name]) for column in columns]
        drawn.append([line.method, str(line.tried), str(line.failed), *cells])
    return plain_table(["method", "cases", "failed", *map(_titled, columns)], drawn)


def small_table(names: Sequence[str], rows: Mapping[str, Sequence[str]], corner: str) -> str:
    """A table of ready-made words.

    Args:
        names: the column headings.
        rows: cells by row name.
        corner: the heading above the row names.
    """
    return plain_table([corner, *names], [[name, *cells] for name, cells in rows.items()])


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of a head and the cells of each row.

    >>> print(plain_table(["row", "success"], [["plain", "0.5"]]))
    | row | success |
    | --- | --- |
    | plain | 0.5 |
    """
    return "\n".join(map(_row, [head, ["---"] * len(head), *rows]))


def definitions(columns: Sequence[Column]) -> str:
    """A list that defines each column."""
    return "\n".join(
        f"- *{column.name}*: {one_line(column.definition)}; {column.better} is better." for column in columns
    )


def shown(cell: ColumnSummary) -> str:
    """A mean with its interval, and the number of cases if some have no value; else the reasons for the gap.

    >>> from wordbrush_bench.bootstrap import Mean
    >>> shown(ColumnSummary(Mean(0.5, 0.25, 0.75, 8), 2, ("hidden",)))
    '0.500 (0.250 to 0.750) of 8'
    """
    if cell.mean is None:
        return "gap: " + "; ".join(cell.reasons) if cell.reasons else "gap"
    mean = cell.mean
    some = f" of {mean.count}" if cell.gaps else ""
    return f"{number(mean.value)} ({number(mean.low)} to {number(mean.high)}){some}"


def number(value: float) -> str:
    """A number of three or four digits.

    >>> number(0.1234), number(17.234), number(1234.5)
    ('0.123', '17.2', '1234')
    """
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _titled(column: Column) -> str:
    arrow = {"higher": "↑", "lower": "↓"}[column.better]
    return f"{column.name}{f', {column.unit}' if column.unit else ''} {arrow}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(one_line, cells)) + " |"


def one_line(text: str) -> str:
    """Text that stays in its table cell or list entry: errors and names may hold anything."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
