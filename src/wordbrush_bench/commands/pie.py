"""`wordbrush bench pie` and `wordbrush bench miniature`: PIE-Bench, own cases, and a small set to try it on."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.flags import Device, Dtype, Model, Quiet
from wordbrush.cli.load import load_editor
from wordbrush.cli.output import say, say_written, warn
from wordbrush.cli.values import words
from wordbrush.files import check_writable
from wordbrush_bench.commands.rows import measured

if TYPE_CHECKING:
    from wordbrush_bench.journal import Row
    from wordbrush_bench.pie.run import PieRun

_MOST_PROBLEMS = 10


def pie(
    data: Annotated[Path, typer.Option(help="PIE-Bench's folder (mapping_file.json), or a JSONL file of own cases.")],
    model: Model = None,
    methods: Annotated[
        str | None, typer.Option(help="NAME[,NAME]: INVERSION+p2p, INVERSION+wordbrush[-blend].")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the metrics' weights; without, gaps.")] = None,
    kinds: Annotated[str | None, typer.Option(help="KIND[,KIND]: change-object, ...; all if not given.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many cases of a kind.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in place of each method's own, for a quick look.")] = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Annotated[Path, typer.Option(help="Folder of the run; a stopped one goes on.")] = Path("wordbrush-pie"),
    quiet: Quiet = False,
) -> None:
    """Measure editing methods on PIE-Bench, published rows beside them: report.md, results.json and cases.html.

    A run that was stopped goes on from its last case when the same command is given again.
    """
    named, some = words("--methods", methods), words("--kinds", kinds)
    check_writable(out)
    from wordbrush_bench.pie.meters import pie_meters
    from wordbrush_bench.pie.methods import DEFAULT_METHODS, pie_methods
    from wordbrush_bench.pie.run import PieRun, chosen, read_cases, run_facts

    found, problems = read_cases(data)
    cases = chosen(found, some, limit)
    _warn(problems)
    meters = pie_meters(weights)
    editor = load_editor(model, device, dtype)
    rows_of = pie_methods(editor, named or DEFAULT_METHODS, steps)
    run = PieRun(cases, rows_of, meters, run_facts(editor, data, weights))
    say(f"{len(cases)} cases by {len(rows_of)} methods", quiet)
    rows: list[Row] = []
    try:
        _measure(run, out, rows, quiet)
    except KeyboardInterrupt:
        typer.echo("stopped; give the same command again to go on", err=True)
        raise
    finally:
        # Also after an interruption: what is measured is summed up.
        if rows:
            say_written(run.write(rows, out, shlex.join(["wordbrush", *sys.argv[1:]])), quiet)


def _measure(run: "PieRun", out: Path, rows: "list[Row]", quiet: bool) -> None:
    """Run it all into `rows`, with the time that is left."""
    for row in measured(run.rows(out), run.cases, run.methods, quiet):
        rows.append(row)
    failed = sum(row.error is not None for row in rows)
    if failed:
        total = len(run.cases) * len(run.methods)
        warn(f"{failed} of {total} rows failed with an error; report.md lists them")


def miniature(
    out: Annotated[Path, typer.Option(help="Folder for the data set.")] = Path("wordbrush-miniature"),
    per_kind: Annotated[int, typer.Option(help="Cases of each kind that scenes can show.")] = 2,
    quiet: Quiet = False,
) -> None:
    """Write a miniature data set in PIE-Bench's format, of rendered scenes, for `bench pie --data`."""
    check_writable(out)
    from wordbrush_bench.pie.miniature import write_miniature

    say(f"wrote {len(write_miniature(out, per_kind))} cases to {out}", quiet)


def _warn(problems: list[str]) -> None:
    for problem in problems[:_MOST_PROBLEMS]:
        warn(problem)
    if len(problems) > _MOST_PROBLEMS:
        warn(f"and {len(problems) - _MOST_PROBLEMS} more cases that cannot be used")
