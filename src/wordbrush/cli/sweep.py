"""`wordbrush sweep`: one edit over a grid of its settings."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.load import load_editor
from wordbrush.cli.options import (
    Device,
    Dtype,
    Guidance,
    Model,
    Negative,
    Out,
    Quiet,
    Size,
    Steps,
    say,
    say_written,
    warn_of_unknown_words,
)
from wordbrush.cli.progress import Progress
from wordbrush.cli.values import picture_size
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable, write_atomically

if TYPE_CHECKING:
    from wordbrush.sweep.axes import Axis
    from wordbrush.sweep.grid import Sweep
    from wordbrush.sweep.run import Cell


def sweep(
    source: str,
    target: Annotated[str | None, typer.Argument(help="The edited prompt; with --weight alone, none.")] = None,
    cross_steps: Annotated[str | None, typer.Option(help="Values: 0,0.5,1, or START:STOP:STEP as 0:1:0.2.")] = None,
    self_steps: Annotated[str | None, typer.Option(help="The same for self-attention.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="WORD=VALUES, such as apple=-2:8:2.")] = None,
    seeds: Annotated[str, typer.Option(help="1,2,3 or 1:5.")] = "0",
    model: Model = None,
    steps: Steps = None,
    guidance: Guidance = None,
    negative: Negative = "",
    size: Size = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-sweep"),
    quiet: Quiet = False,
    kind: Annotated[str, typer.Option(help="auto, replace or refine.")] = "auto",
    self_max_pixels: Annotated[int, typer.Option(help="Largest self-attention kept: 256 or 1024.")] = 256,
    cells: Annotated[bool, typer.Option("--cells", help="Write each picture as a PNG of its own too.")] = False,
    max_cells: Annotated[int, typer.Option(help="Refuse a grid of more pictures than this.")] = 1000,
) -> None:
    """Edit SOURCE into TARGET over a grid of settings: sheet.png, and sweep.json with every cell's record.

    The source is made once for each seed. An interruption keeps the finished cells.
    """
    from wordbrush.sweep.ranges import parse_whole_range

    axes = _axes(cross_steps, self_steps, weight or [])
    numbers = parse_whole_range(seeds, "--seeds")
    if target is None and not weight:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    pixels = picture_size(size)
    check_writable(out)
    from wordbrush.sweep.grid import plan_sweep
    from wordbrush.sweep.run import num_runs, run_sweep

    editor = load_editor(model, device, dtype)
    planned = plan_sweep(
        editor,
        source,
        source if target is None else target,
        axes,
        seeds=numbers,
        num_inference_steps=steps,
        guidance_scale=guidance,
        negative_prompt=negative,
        size=pixels,
        edit=kind,  # type: ignore[arg-type]  # checked with all other settings
        self_replace_max_pixels=self_max_pixels,
        max_cells=max_cells,
    )
    warn_of_unknown_words(editor, [source, planned.target, negative])
    runs = num_runs(planned)
    say(f"{planned.num_cells} cells, {runs} pictures in all", quiet)
    made: list[Cell] = []
    started = time.monotonic()
    try:
        with Progress("sweeping", quiet) as progress:
            for cell in run_sweep(editor, planned, on_step=progress):
                made.append(cell)
                if cells:
                    _save_cell(cell, planned, out)
                if len(made) == 1:
                    before = 1 + (cell.plain is not cell.source)
                    left = (time.monotonic() - started) / (before + cell.acted) * (runs - before - 1)
                    say(f"about {_duration(left)} to go", quiet)
    finally:
        # Also after an interruption or an error: what is finished is kept.
        if made:
            _write(planned, made, out, quiet)


def _axes(cross_steps: str | None, self_steps: str | None, weights: list[str]) -> "list[Axis]":
    from wordbrush.sweep.axes import Axis
    from wordbrush.sweep.ranges import parse_range

    axes = []
    if cross_steps is not None:
        axes.append(Axis("cross_replace_steps", parse_range(cross_steps, "--cross-steps")))
    if self_steps is not None:
        axes.append(Axis("self_replace_steps", parse_range(self_steps, "--self-steps")))
    for weight in weights:
        word, equals, values = weight.rpartition("=")
        if not equals or not word.strip():
            raise SettingsError(f"--weight '{weight:.60}' is not WORD=VALUES; write for example --weight red=-2:8:2")
        axes.append(Axis("weight", parse_range(values, f"--weight {word.strip()}"), word.strip()))
    return axes


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
