"""What a script measures of its rows, case by case, as a table of means."""

from collections.abc import Mapping, Sequence

from wordbrush_bench.bootstrap import mean_of
from wordbrush_bench.markdown import number, plain_table
from wordbrush_bench.meter import Gap, Measured


class Gathered:
    """Numbers by row and column, as they come; a gap adds none.

    >>> found = Gathered(["success"])
    >>> for shown in (1.0, 0.0, Gap("hidden")):
    ...     found.add(("photograph", "recipe"), {"success": shown})
    >>> print(found.table("origin", "row"))
    | origin | row | success |
    | --- | --- | --- |
    | photograph | recipe | 0.500 (0.000 to 1.000) of 2 |
    """

    def __init__(self, columns: Sequence[str]) -> None:
        """Begin without rows; of what is measured, `columns` are shown."""
        self._columns = tuple(columns)
        self._found: dict[tuple[str, ...], dict[str, list[float]]] = {}

    def add(self, row: tuple[str, ...], measured: Mapping[str, Measured]) -> None:
        """Add a case to a row, which is named by its labels."""
        of_row = self._found.setdefault(row, {column: [] for column in self._columns})
        for column, values in of_row.items():
            value = measured.get(column)
            if value is not None and not isinstance(value, Gap):
                values.append(float(value))

    def table(self, *labels: str) -> str:
        """A table with the mean of each row and column, its 95 % interval and its cases, or a dash without any.

        Rows that have all but their last label in common stand together, in the order in which they came.
        """
        rows = sorted(self._found.items(), key=lambda row: row[0][:-1])
        cells = [[*names, *map(_mean, columns.values())] for names, columns in rows]
        return plain_table([*labels, *self._columns], cells)


def _mean(values: Sequence[float]) -> str:
    mean = mean_of(values)
    if mean is None:
        return "-"
    return f"{number(mean.value)} ({number(mean.low)} to {number(mean.high)}) of {mean.count}"
