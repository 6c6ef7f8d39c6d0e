"""`wordbrush figures`: every figure of the report with one command."""

from pathlib import Path
from typing import Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.flags import RUN, Device, Dtype, Out, Quiet, Steps
from wordbrush.cli.load import load_editor
from wordbrush.cli.output import say, say_written
from wordbrush.cli.progress import Progress
from wordbrush.errors import ControlError
from wordbrush.files import check_writable


def figures(
    name: Annotated[tuple[str, ...], typer.Argument(help="Numbers of figures, such as 3.5; all if none.")] = (),
    model: Annotated[
        str | None,
        flag(
            "--model",
            help="Diffusers folder or hub id, or 'bundled'; Stable Diffusion v1-4 if it is here, else bundled.",
            group=RUN,
        ),
    ] = None,
    steps: Steps = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-figures"),
    quiet: Quiet = False,
    list_: Annotated[bool, flag("--list", help="Say which figures there are, and make none.")] = False,
) -> None:
    """Make the report's figures: a folder each, and figures.html of all that are there; print that page for a PDF.

    A figure that is there already, from the same settings and model, is not made again.
    """
    from wordbrush.figures.book import choose
    from wordbrush.figures.paper import PAPER

    listed = choose(PAPER, name)
    if list_:
        for figure in listed:
            typer.echo(f"{figure.name:6} {figure.shows}")
        return
    check_writable(out)
    from wordbrush.figures.run import default_model, run_figures, write_page

    chosen = default_model() if model is None else None if model == "bundled" else model
    entries = []
    for entry in run_figures(
        load_editor(chosen, device, dtype),
        name,
        out,
        num_inference_steps=steps,
        progress=lambda figure: Progress(f"figure {figure.name}", quiet),
    ):
        if entry.failure:
            typer.echo(f"figure {entry.figure.name} failed: {entry.failure}", err=True)
        elif entry.reused:
            say(f"figure {entry.figure.name} is there already", quiet)
        entries.append(entry)
    say_written([write_page(entries, out)], quiet)
    if (out / "figures.pdf").exists():
        say(f"{out / 'figures.pdf'} is from an earlier wordbrush; print figures.html for a new one", quiet)
    failed = [f"{entry.figure.name} ({entry.failure})" for entry in entries if entry.failure]
    if failed:
        raise ControlError(f"not every figure could be made: {'; '.join(failed)}")
