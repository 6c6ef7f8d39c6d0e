"""Tables in markdown."""

from collections.abc import Mapping, Sequence

from wordbrush_bench.meter import Column
from wordbrush_bench.table import Cell, Line


def table(rows: Sequence[Line], columns: Sequence[Column]) -> str:
    """One line for each method: cases, failures, and each column's mean with its 95 % interval."""
    head = ["method", "cases", "failed", *map(_titled, columns)]
    drawn = [_row(head), _row(["---"] * len(head))]
    for line in rows:
        if line.refused is not None:
            drawn.append(_row([line.method, "0", "-", f"no row: {line.refused}", *[""] * (len(columns) - 1)]))
            continue
        cells = [shown(line.cells[column.name]) for column in columns]
        drawn.append(_row([line.method, str(line.tried), str(line.failed), *cells]))
    return "\n".join(drawn)


def small_table(names: Sequence[str], rows: Mapping[str, Sequence[str]], corner: str) -> str:
    """Ready words in rows and columns."""
    drawn = [_row([corner, *names]), _row(["---"] * (len(names) + 1))]
    return "\n".join([*drawn, *(_row([name, *cells]) for name, cells in rows.items())])


def definitions(columns: Sequence[Column]) -> str:
    """What each column is."""
    return "\n".join(
        f"- *{column.name}*: {_clean(column.definition)}; {column.better} is better." for column in columns
    )


def shown(cell: Cell) -> str:
    """A mean with its interval, how many cases it is of where some have none, or that there is none.

    >>> from wordbrush_bench.bootstrap import Mean
    >>> shown(Cell(Mean(0.5, 0.25, 0.75, 8), 2, ("hidden",)))
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
    return "| " + " | ".join(map(_clean, cells)) + " |"


def _clean(text: str) -> str:
    """Text that stays in its cell: errors and names may hold anything."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
