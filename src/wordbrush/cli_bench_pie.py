"""`wordbrush bench pie` and `wordbrush bench miniature`: PIE-Bench, own cases, and a small set to try it on."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from wordbrush.cli_options import Device, Dtype, Model, Quiet, say, say_written
from wordbrush.cli_values import words
from wordbrush.files import check_writable
from wordbrush.progress import Progress

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
    out: Annotated[Path, typer.Option(help="Folder of the run; the same command goes on where it stopped.")] = Path(
        "wordbrush-pie"
    ),
    quiet: Quiet = False,
) -> None:
    """Measure editing methods on PIE-Bench, published rows beside them: report.md, results.json, journal.jsonl."""
    named = words("--methods", methods)
    some = words("--kinds", kinds) or None
    check_writable(out)
    from wordbrush.editor import Editor
    from wordbrush.evaluation.pie.meters import pie_meters
    from wordbrush.evaluation.pie.methods import DEFAULT_METHODS, pie_methods
    from wordbrush.evaluation.pie.run import PieRun, chosen, read_cases, run_facts

    found, problems = read_cases(data)
    cases = chosen(found, some, limit)
    _warn(problems)
    meters = pie_meters(weights)
    editor = Editor.from_pretrained(model, device, dtype)
    rows_of = pie_methods(editor, named or DEFAULT_METHODS, steps)
    run = PieRun(cases, rows_of, meters, run_facts(editor, data, weights))
    total = len(cases) * len(rows_of)
    say(f"{len(cases)} cases by {len(rows_of)} methods", quiet)
    rows = []
    with Progress("measuring", quiet) as progress:
        for row in run.rows(out):
            rows.append(row)
            progress(len(rows), total)
    failed = sum(row.error is not None for row in rows)
    if failed:
        typer.echo(f"warning: {failed} of {total} failed; report.md says how", err=True)
    say_written(run.write(rows, out, shlex.join(["wordbrush", *sys.argv[1:]])), quiet)


def miniature(
    out: Annotated[Path, typer.Option(help="Folder for the data set.")] = Path("wordbrush-miniature"),
    per_kind: Annotated[int, typer.Option(help="Cases of each kind that scenes can show.")] = 2,
    quiet: Quiet = False,
) -> None:
    """Write a miniature data set in PIE-Bench's format, of rendered scenes, for `bench pie --data`."""
    check_writable(out)
    from wordbrush.evaluation.pie.miniature import write_miniature

    say(f"wrote {len(write_miniature(out, per_kind))} cases to {out}", quiet)


def _warn(problems: list[str]) -> None:
    for problem in problems[:_MOST_PROBLEMS]:
        typer.echo(f"warning: {problem}", err=True)
    if len(problems) > _MOST_PROBLEMS:
        typer.echo(f"warning: and {len(problems) - _MOST_PROBLEMS} more cases that cannot be used", err=True)
