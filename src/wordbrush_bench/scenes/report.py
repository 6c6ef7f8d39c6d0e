"""The report of a scenes run: markdown with plots, every case as JSON, and a page of cases."""

import json
from collections.abc import Sequence
from pathlib import Path

from wordbrush.files import write_atomically
from wordbrush.json_form import to_plain
from wordbrush_bench.bootstrap import Mean
from wordbrush_bench.case import KINDS
from wordbrush_bench.journal import Journal, Row, read_journal
from wordbrush_bench.markdown import definitions, number, small_table, table
from wordbrush_bench.meter import COST
from wordbrush_bench.page import cases_page
from wordbrush_bench.plots import curves, grid_of_means, trade_offs
from wordbrush_bench.runner import JOURNAL
from wordbrush_bench.scenes.cases import NOT_SHOWN, ORIGINS, SEED
from wordbrush_bench.scenes.failures import failure_sheets
from wordbrush_bench.scenes.meters import COLUMNS
from wordbrush_bench.scenes.methods import METHOD_NAMES, SAID, SWEEP
from wordbrush_bench.table import MethodSummary, summarise

_NAMED = {column.name: column for column in (*COLUMNS, *COST)}

TABLES = {
    "Is the edit there, and is the rest still there": (
        ("success", "kept", "in place", "background PSNR", "background SSIM", "layout distance", "source shown")
    ),
    "Distance to the perfect edit": ("perfect PSNR", "perfect SSIM", "perfect PSNR inside"),
    "The background as PIE-Bench defines it, and its mean squared error": (
        ("zeroed PSNR", "zeroed SSIM", "zeroed MSE", "background MSE")
    ),
    "Cost": ("seconds", "source seconds", "peak memory"),
}
SWEPT = ("success", "in place", "background PSNR", "perfect PSNR")


def write_report(folder: Path, command: str) -> list[Path]:
    """Write `benchmark.md`, its plots, `results.json`, `cases.html` and sheets of failed edits into the run's folder.

    Args:
        folder: the run's folder, with its journal and pictures.
        command: the command line that made the run.

    Returns their paths. Raises `RecordError` for a damaged journal.
    """
    journal = read_journal(folder / JOURNAL)
    rows = sorted(journal.rows, key=_place)
    made = [folder / "benchmark.md", folder / "results.json", folder / "cases.html"]
    plots = _plots(rows, folder)
    write_atomically(made[0], _markdown(journal, rows, command, plots).encode())
    write_atomically(made[1], _json(journal, rows).encode())
    show = ("background PSNR", "in place", "perfect PSNR")
    page = cases_page(rows, folder, "Scenes benchmark, case by case", _about(journal, rows, command), show)
    write_atomically(made[2], page.encode())
    return [*made, *plots, *failure_sheets(rows, folder)]


def _place(row: Row) -> int:
    """A sort key: rows of unknown methods come last."""
    return METHOD_NAMES.index(row.method) if row.method in METHOD_NAMES else len(METHOD_NAMES)


def _about(journal: Journal, rows: Sequence[Row], command: str) -> list[str]:
    run = journal.run
    versions = run.get("versions")
    named = ", ".join(f"{name} {value}" for name, value in versions.items()) if isinstance(versions, dict) else ""
    cases = {row.case for row in rows}
    return [
        f"{len(cases)} cases (set of seed {SEED}), {len(rows)} rows, of which "
        f"{sum(row.error is not None for row in rows)} failed with an error.",
        f"Model: {run.get('model')}, fingerprint {str(run.get('fingerprint'))[:16]}, {run.get('dtype')} on "
        f"{run.get('device')} ({run.get('hardware')}).",
        f"Made with {named}.",
        f"Command: {command}",
    ]


def _markdown(journal: Journal, rows: Sequence[Row], command: str, plots: Sequence[Path]) -> str:
    *about, ran = _about(journal, rows, command)
    parts = ["# Scenes benchmark", *about, f"```\n{ran.removeprefix('Command: ')}\n```"]
    parts.append(
        "Means with bootstrap 95 % intervals. A method that raises is counted as failed, and as no success; a number "
        "that cannot be measured is a gap, never a zero. A photograph is a rendered scene, whose mask and perfect "
        "edit are exact; a generated source is drawn by the model, so its mask is the judge's, and its perfect edit "
        "is unknown."
    )
    parts.append(
        "\n".join(f"- *{name}*: {said}." for name, said in SAID.items() if any(r.method == name for r in rows))
    )
    parts += [f"![{path.stem}](plots/{path.name})" for path in plots]
    for origin in ORIGINS:
        own = [row for row in rows if row.origin == origin]
        if own:
            parts.append(f"## {'Generated sources' if origin == 'generated' else 'Photographs'}")
            parts += _tables(own)
    parts.append("## What the columns are")
    parts.append(definitions([*COLUMNS, *COST]))
    parts.append("## What has no row")
    parts.append("\n".join(f"- *{kind}*: {why}." for kind, why in NOT_SHOWN.items()))
    parts.append(_errors(rows))
    return "\n\n".join(part for part in parts if part) + "\n"


def _tables(rows: Sequence[Row]) -> list[str]:
    parts = []
    for title, names in TABLES.items():
        columns = [_NAMED[name] for name in names]
        summed = summarise(rows, names)
        if any(line.cells[name].mean for line in summed for name in names):
            parts += [f"### {title}", table(summed, columns)]
    kinds = _kinds(rows)
    by_kind = {
        method: ["-" if mean is None else number(mean.value) for mean in means]
        for method, means in _by_kind(rows, kinds).items()
    }
    parts += ["### Success by kind", small_table(kinds, by_kind, "method")]
    swept = [line for line in summarise(rows, SWEPT, lambda row: row.method in SWEEP) if line.tried]
    if len(swept) > 1:
        parts += ["### Self-attention injection", table(swept, [_NAMED[name] for name in SWEPT])]
    return parts


def _errors(rows: Sequence[Row]) -> str:
    failed: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.error is not None:
            failed.setdefault((row.method, row.error), []).append(row.case)
    if not failed:
        return ""
    said = [
        f"- *{method}*, {len(cases)} cases ({cases[0]} ...): `{error}`" for (method, error), cases in failed.items()
    ]
    return "## Errors\n\n" + "\n".join(said)


def _kinds(rows: Sequence[Row]) -> list[str]:
    return [kind for kind in KINDS if any(row.kind == kind for row in rows)]


def _by_kind(rows: Sequence[Row], kinds: Sequence[str]) -> dict[str, list[Mean | None]]:
    found: dict[str, dict[str, Mean | None]] = {}
    for kind in kinds:
        for line in summarise(rows, ["success"], lambda row, kind=kind: row.kind == kind):  # type: ignore[misc]
            if line.tried:
                found.setdefault(line.method, {})[kind] = line.cells["success"].mean
    return {method: [means.get(kind) for kind in kinds] for method, means in found.items()}


def _plots(rows: Sequence[Row], folder: Path) -> list[Path]:
    by_origin: dict[str, list[Row]] = {origin: [row for row in rows if row.origin == origin] for origin in ORIGINS}
    shown = {origin: own for origin, own in by_origin.items() if own}
    made = []
    panels = {name: {origin: _swept(own, name) for origin, own in shown.items()} for name in SWEPT}
    drawn = {_axis(name): {o: p for o, p in at.items() if p} for name, at in panels.items()}
    drawn = {name: at for name, at in drawn.items() if any(len(points) > 1 for points in at.values())}
    if drawn:
        made.append(folder / "plots" / "self-attention.png")
        curves(drawn, "steps with the source's self-attention, %", made[-1], width=3.0 * len(drawn) + 0.8)
    pairs = {origin: _pairs(summarise(own, ["success", "background PSNR"])) for origin, own in shown.items()}
    pairs = {origin: points for origin, points in pairs.items() if points}
    if pairs:
        made.append(folder / "plots" / "trade-off.png")
        trade_offs(pairs, "background PSNR, dB", "success", made[-1])
    kinds = _kinds(rows)
    grids = {origin: _by_kind(own, kinds) for origin, own in shown.items()}
    if any(grids.values()):
        made.append(folder / "plots" / "success-by-kind.png")
        grid_of_means({o: g for o, g in grids.items() if g}, kinds, made[-1])
    return made


def _axis(name: str) -> str:
    unit = _NAMED[name].unit
    return f"{name}, {unit}" if unit and unit != "share" else name


def _swept(rows: Sequence[Row], column: str) -> list[tuple[float, Mean]]:
    found = summarise(rows, [column], lambda row: row.method in SWEEP)
    means = [(100 * SWEEP[line.method], line.cells[column].mean) for line in found]
    return sorted(((share, mean) for share, mean in means if mean is not None), key=lambda point: point[0])


def _pairs(summed: Sequence[MethodSummary]) -> dict[str, tuple[Mean, Mean]]:
    """The methods with both means. The references are left out because they would stretch the axes."""
    pairs = {}
    for line in summed:
        held, done = line.cells["background PSNR"].mean, line.cells["success"].mean
        if held is not None and done is not None and line.method not in ("no-edit", "perfect-edit"):
            pairs[line.method] = (held, done)
    return pairs


def _json(journal: Journal, rows: Sequence[Row]) -> str:
    means = {
        origin: {
            line.method: {
                "tried": line.tried,
                "failed": line.failed,
                "means": {name: to_plain(cell.mean) for name, cell in line.cells.items()},
                "gaps": {name: list(cell.reasons) for name, cell in line.cells.items() if cell.reasons},
            }
            for line in summarise([row for row in rows if row.origin == origin], list(_NAMED))
        }
        for origin in ORIGINS
    }
    whole = {"run": journal.run, "methods": journal.methods, "means": means, "rows": to_plain(tuple(rows))}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
