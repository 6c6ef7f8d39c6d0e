"""`wordbrush figures`: every figure of the report with one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.load import load_editor
from wordbrush.cli.options import Device, Dtype, Out, Quiet, Steps, say, say_written
from wordbrush.cli.progress import Progress
from wordbrush.errors import ControlError, WordbrushError
from wordbrush.files import check_writable, write_atomically

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush.figures.book import Entry
    from wordbrush.figures.spec import Figure

_BEST = "CompVis/stable-diffusion-v1-4"
_TITLE = "The figures of the report, made with wordbrush"


def figures(
    name: Annotated[list[str] | None, typer.Argument(help="Numbers of figures, such as 3.5; all if none.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help=f"Diffusers folder or hub id, or 'bundled'; {_BEST} where it is there, else bundled."),
    ] = None,
    steps: Steps = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-figures"),
    quiet: Quiet = False,
    list_: Annotated[bool, typer.Option("--list", help="Say which figures there are, and make none.")] = False,
) -> None:
    """Make the report's figures: a folder each, and figures.html and figures.pdf of all that are there.

    A figure that is there already, from the same settings and model, is not made again.
    """
    from wordbrush.figures.book import choose, figures_for
    from wordbrush.figures.paper import PAPER

    if list_:
        for figure in choose(PAPER, name or []):
            typer.echo(f"{figure.name:6} {figure.shows}")
        return
    choose(PAPER, name or [])
    check_writable(out)
    editor = load_editor(_model(model), device, dtype)
    everything = figures_for(small_vocabulary=editor.model.vocabulary is not None)
    wanted = choose(everything, name or [])
    entries = [
        entry for figure in everything if (entry := _entry(editor, figure, figure in wanted, out, steps, quiet))
    ]
    _write(entries, out, quiet)
    failed = [f"{entry.figure.name} ({entry.failure})" for entry in entries if entry.failure]
    if failed:
        raise ControlError(f"not every figure could be made: {'; '.join(failed)}")


def _model(model: str | None) -> str | None:
    if model is None:
        from wordbrush.models.folder import local_folder

        there = local_folder(_BEST)
        return None if there is None else _BEST
    return None if model == "bundled" else model


def _entry(
    editor: "Editor", figure: "Figure", wanted: bool, out: Path, steps: int | None, quiet: bool
) -> "Entry | None":
    """A figure as it is there; else made, if it is wanted."""
    from wordbrush.figures.book import Entry
    from wordbrush.figures.comments import comment_on
    from wordbrush.figures.made import figure_key, load_made
    from wordbrush.figures.make import make_figure

    info = editor.model
    count = info.defaults.num_inference_steps if steps is None else steps
    key = figure_key(figure, info.fingerprint, info.dtype, count)
    folder = out / figure.name
    made = load_made(folder, key)
    if made is not None and wanted:
        say(f"figure {figure.name} is there already", quiet)
    if made is None:
        if not wanted:
            return None
        try:
            with Progress(f"figure {figure.name}", quiet) as progress:
                made = make_figure(editor, figure, folder, num_inference_steps=count, on_step=progress)
        except WordbrushError as error:
            typer.echo(f"figure {figure.name} failed: {error}", err=True)
            return Entry(figure, folder, None, None, failure=str(error))
    return Entry(figure, folder, made, comment_on(figure.name, key))


def _write(entries: "list[Entry]", out: Path, quiet: bool) -> None:
    from wordbrush.figures.page import html_page
    from wordbrush.figures.pdf import pdf_pages

    write_atomically(out / "figures.html", html_page(entries, _TITLE).encode())
    write_atomically(out / "figures.pdf", pdf_pages(entries, _TITLE))
    say_written([out / "figures.html", out / "figures.pdf"], quiet)
