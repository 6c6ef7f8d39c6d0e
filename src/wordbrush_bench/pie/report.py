"""The report of a PIE-Bench run in markdown: means beside the published rows, gaps and failures."""

import json
from collections.abc import Mapping, Sequence

from wordbrush_bench.case import KINDS
from wordbrush_bench.journal import Row
from wordbrush_bench.markdown import definitions, number, one_line, small_table, table
from wordbrush_bench.meter import COST, Column
from wordbrush_bench.pie.mapping import PUBLISHED_COUNTS
from wordbrush_bench.pie.published import COLUMNS, NOTE, PublishedRow, published_rows
from wordbrush_bench.table import MethodSummary, summarise

_MOST_FAILURES = 50


def pie_report(
    rows: Sequence[Row],
    columns: Sequence[Column],
    methods: Mapping[str, Mapping[str, object]],
    facts: Mapping[str, object],
    command: str,
) -> str:
    """The report, as markdown.

    Args:
        rows: of the run's journal.
        columns: those of the run's meters.
        methods: the settings of each method, by its name.
        facts: what the run depends on, such as the model and the data.
        command: the command line that made it.
    """
    published = [column for column in columns if column.name in COLUMNS.values()]
    corrected = [column for column in columns if column.name not in COLUMNS.values()]
    summed = summarise(rows, [column.name for column in (*columns, *COST)])
    parts = [
        "# PIE-Bench",
        f"Made by `{command}`.",
        "\n".join(f"- {name}: {_said(value)}" for name, value in facts.items()),
        _counts(rows),
        "## Methods",
        "\n".join(f"- `{name}`: `{json.dumps(settings)}`" for name, settings in methods.items()),
        "## As published",
        'Means with 95 % bootstrap intervals; "of N" where some cases have no number.',
        table(summed, published),
        "## Corrected",
        table(summed, corrected),
        "## Cost",
        table(summed, COST),
        "## Beside published rows",
        _beside(summed),
        NOTE,
    ]
    for kind in KINDS:
        own = [row for row in rows if row.kind == kind]
        if 0 < len(own) < len(rows):
            parts += [
                f"## Kind {KINDS[kind]}: {kind}",
                table(summarise(own, [column.name for column in published]), published),
            ]
    parts += [
        "## Gaps",
        _gaps(summed),
        "## Failures",
        _failures(rows),
        "## What the columns are",
        definitions([*columns, *COST]),
    ]
    return "\n\n".join(parts) + "\n"


def _counts(rows: Sequence[Row]) -> str:
    """A table of the cases of each kind, here and in the whole data set."""
    ids = {kind: {row.case for row in rows if row.kind == kind} for kind in KINDS}
    cells = {f"{KINDS[kind]} {kind}": [str(len(ids[kind])), str(PUBLISHED_COUNTS[kind])] for kind in KINDS}
    cells["all"] = [str(sum(map(len, ids.values()))), str(sum(PUBLISHED_COUNTS.values()))]
    return small_table(["cases here", "in PIE-Bench"], cells, "kind")


def _beside(summed: Sequence[MethodSummary]) -> str:
    names = ["model", *COLUMNS.values(), "where"]
    drawn: dict[str, list[str]] = {}
    for line in summed:
        drawn[f"**{line.method}**"] = ["this run", *(_mean(line, name) for name in COLUMNS.values()), "here"]
    rows = published_rows()
    for row in rows:
        drawn[_named(row, rows)] = [
            row.model,
            *(f"{row.values[name]:g}" if name in row.values else "" for name in COLUMNS.values()),
            f"{row.source}, {row.mark}",
        ]
    return small_table(names, drawn, "method")


def _named(row: PublishedRow, rows: Sequence[PublishedRow]) -> str:
    """The row's method, with its model and source if several rows have that method."""
    several = sum(other.method == row.method for other in rows) > 1
    return f"{row.method} ({row.model}; {row.source})" if several else row.method


def _mean(line: MethodSummary, name: str) -> str:
    mean = line.cells[name].mean
    return "gap" if mean is None else number(mean.value)


def _gaps(summed: Sequence[MethodSummary]) -> str:
    said: dict[str, list[str]] = {}
    for line in summed:
        for name, cell in line.cells.items():
            for reason in cell.reasons:
                said.setdefault(f"{name}: {reason}", []).append(f"{line.method} ({cell.gaps})")
    return "\n".join(f"- {what}; cases: {', '.join(where)}" for what, where in said.items()) or "None."


def _failures(rows: Sequence[Row]) -> str:
    failed = [row for row in rows if row.error is not None]
    said = [f"- {row.case}, {row.method}: {one_line(row.error or '')}" for row in failed[:_MOST_FAILURES]]
    if len(failed) > _MOST_FAILURES:
        said.append(f"- and {len(failed) - _MOST_FAILURES} more, in the journal")
    return "\n".join(said) or "None."


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return one_line(", ".join(f"{name} {entry}" for name, entry in value.items()))
    return one_line(str(value))
