"""`wordbrush sweep`: one edit over a grid of its settings."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.edit_flags import EditFlags, with_default_window
from wordbrush.cli.flags import PictureFlags, RunFlags
from wordbrush.cli.load import load_for_runs
from wordbrush.cli.output import say, say_written, warn_of_unknown_words
from wordbrush.cli.progress import Progress
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable, write_atomically

if TYPE_CHECKING:
    from wordbrush.sweep.axes import Axis
    from wordbrush.sweep.grid import Sweep
    from wordbrush.sweep.run import Cell

GRID = "The grid"
FIRST = ("cross_replace_steps", "self_replace_steps", "equalizer", "axis", "seeds")


def sweep(
    source: Annotated[str, typer.Argument(help="The prompt of the source.")],
    target: Annotated[str | None, typer.Argument(help="The edited prompt; with --weight alone, none.")] = None,
    axis: Annotated[
        tuple[str, ...],
        flag(
            "--axis",
            metavar="OPTION=VALUES",
            help="Any numeric option of an edit: local_blend.threshold=0.1:0.5:0.1.",
            group=GRID,
        ),
    ] = (),
    seeds: Annotated[str, flag("--seeds", metavar="VALUES", help="1,2,3 or 1:5.", group=GRID)] = "0",
    cells: Annotated[bool, flag("--cells", help="Write each picture as a PNG of its own too.", group=GRID)] = False,
    max_cells: Annotated[
        int, flag("--max-cells", help="Refuse a grid of more pictures than this.", group=GRID)
    ] = 1000,
    edits: EditFlags = EditFlags(),
    picture: PictureFlags = PictureFlags(),
    run: RunFlags = RunFlags(out=Path("wordbrush-sweep")),
) -> None:
    """Edit SOURCE into TARGET over a grid of settings: sheet.png, and sweep.json with every cell's record.

    --cross-steps, --self-steps, --weight and --axis take several values, 0,0.5,1 or START:STOP:STEP as 0:1:0.2, and
    the grid has all combinations. Every other option is the same in each cell. The source is made once for each seed.
    An interruption keeps the finished cells.
    """
    from wordbrush.sweep.ranges import parse_whole_range

    axes, fixed = _axes(edits, axis)
    numbers = parse_whole_range(seeds, "--seeds")
    if target is None and not edits.equalizer:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    made, options = picture.options(), fixed.options()
    check_writable(run.out)
    from wordbrush.sweep.grid import plan_sweep
    from wordbrush.sweep.run import num_runs, run_sweep, seconds_left

    editor = load_for_runs(run, made, options)
    options = with_default_window(options, editor.model.defaults)
    aim = source if target is None else target
    planned = plan_sweep(editor, source, aim, axes, seeds=numbers, max_cells=max_cells, **made, **options)
    warn_of_unknown_words(editor, [source, planned.target, picture.negative_prompt])
    say(f"{planned.num_cells} cells, {num_runs(planned)} pictures in all", run.quiet)
    finished: list[Cell] = []
    started = time.monotonic()
    try:
        with Progress("sweeping", run.quiet) as progress:
            for cell in run_sweep(editor, planned, on_step=progress):
                finished.append(cell)
                if cells:
                    _save_cell(cell, planned, run.out)
                if len(finished) == 1:
                    left = seconds_left(planned, finished, time.monotonic() - started)
                    say(f"about {_duration(left)} to go", run.quiet)
    finally:
        # Also after an interruption or an error: what is finished is kept.
        if finished:
            _write(planned, finished, run.out, run.quiet)


def _axes(edits: EditFlags, named: tuple[str, ...]) -> "tuple[list[Axis], EditFlags]":
    """The axes, and the flags of what is the same in each cell."""
    from wordbrush.sweep.axes import Axis
    from wordbrush.sweep.ranges import parse_range

    axes = []
    cross, held = edits.cross_replace_steps, edits.self_replace_steps
    if cross is not None and ".." not in cross:
        axes.append(Axis("cross_replace_steps", parse_range(cross, "--cross-steps")))
        cross = None
    if held is not None and ".." not in held:
        axes.append(Axis("self_replace_steps", parse_range(held, "--self-steps")))
        held = None
    for weight in edits.equalizer:
        word, values = _pair("--weight", weight, "WORD=VALUES", "red=-2:8:2")
        axes.append(Axis("weight", parse_range(values, f"--weight {word}"), word))
    for one in named:
        name, values = _pair("--axis", one, "OPTION=VALUES", "local_blend.threshold=0.1:0.5:0.1")
        axes.append(Axis(name.replace("-", "_"), parse_range(values, f"--axis {name}")))
    # START..END is one window, the same in each cell.
    return axes, replace(edits, cross_replace_steps=cross, self_replace_steps=held, equalizer=())


def _pair(option: str, value: str, form: str, example: str) -> tuple[str, str]:
    name, equals, values = value.rpartition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{option} '{value:.60}' is not {form}; write for example {option} {example}")
    return name.strip(), values


def _save_cell(cell: "Cell", sweep: "Sweep", out: Path) -> None:
    from wordbrush.runs.png import save_png

    values = "_".join(
        f"{axis.label.replace(' of ', '-')}-{value:g}"
        for axis, value in zip(sweep.axes, cell.settings.values, strict=True)
        if len(axis.values) > 1
    )
    name = "_".join(filter(None, [f"seed-{cell.settings.seed}", values]))
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "" for letter in name)
    save_png(cell.image, out / "cells" / f"{safe[:120]}.png", cell.record, 0 if cell.acted else None)


def _write(planned: "Sweep", made: "list[Cell]", out: Path, quiet: bool) -> None:
    from wordbrush.pictures.save import save_plain_png
    from wordbrush.sweep.report import SweepReport
    from wordbrush.sweep.sheet import sweep_sheet

    save_plain_png(sweep_sheet(planned, made), out / "sheet.png")
    write_atomically(out / "sweep.json", SweepReport.of(planned, made).to_json().encode())
    if len(made) < planned.num_cells:
        typer.echo(f"{len(made)} of {planned.num_cells} cells are made and kept", err=True)
    say_written([out / "sheet.png", out / "sweep.json"], quiet)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
