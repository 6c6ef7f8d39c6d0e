"""The command line: parses, calls the editor, writes. It holds no logic of its own."""

import sys
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from wordbrush.cli.edit import edit, write_edits
from wordbrush.cli.figures import figures
from wordbrush.cli.invert import invert as invert_command
from wordbrush.cli.load import load_for_one_run, load_recorded
from wordbrush.cli.maps import maps
from wordbrush.cli.models import models
from wordbrush.cli.options import (
    Device,
    Dtype,
    Guidance,
    Model,
    Negative,
    Out,
    Quiet,
    Seed,
    Size,
    Steps,
    say,
    say_written,
    warn_of_unknown_words,
)
from wordbrush.cli.progress import Progress
from wordbrush.cli.sweep import sweep
from wordbrush.cli.values import picture_size
from wordbrush.errors import RecordError, WordbrushError, WordbrushWarning
from wordbrush.files import check_writable
from wordbrush.models.processor import wait_passively

app = typer.Typer(
    help="Edit an image by editing its prompt.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.command()(edit)
app.command()(sweep)
app.command()(figures)
app.command()(maps)
app.command("invert")(invert_command)
app.command()(models)
for command in entry_points(group="wordbrush.commands"):
    app.add_typer(command.load(), name=command.name)


@app.command()
def generate(
    prompt: str,
    model: Model = None,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    negative: Negative = "",
    size: Size = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-out"),
    quiet: Quiet = False,
) -> None:
    """Make a picture of PROMPT: source.png and record.json."""
    pixels = picture_size(size)
    check_writable(out)
    editor = load_for_one_run(model, device, dtype)
    warn_of_unknown_words(editor, [prompt, negative])
    with Progress("generating", quiet) as progress:
        source = editor.generate(
            prompt,
            seed=seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            size=pixels,
            on_step=progress,
        )
    say_written(source.save(out), quiet)


@app.command()
def replay(
    record: Annotated[Path, typer.Argument(help="A record.json, or a PNG that wordbrush wrote.")],
    model: Annotated[str | None, typer.Option(help="Where the recorded model is now, if it moved.")] = None,
    photo: Annotated[Path | None, typer.Option(help="The photo that the record is of, if it is of one.")] = None,
    out: Out = Path("wordbrush-replay"),
    quiet: Quiet = False,
) -> None:
    """Make the pictures of a RECORD again, with the same pixels on the same machine."""
    recorded, editor = load_recorded(record, model, out)
    with Progress("replaying", quiet) as progress:
        made = editor.replay(recorded, photo=photo, on_step=progress)
    if isinstance(made, list):
        again = made[0].record
        write_edits(made, None, out, quiet)
    else:
        again = made.record
        say_written(made.save(out), quiet)
    differing = [name for name, sha in recorded.image_sha256.items() if again.image_sha256.get(name) != sha]
    if differing:
        versions = ", ".join(f"{package} {number}" for package, number in recorded.versions.items())
        raise RecordError(
            f"the pixels of {', '.join(differing)} differ from the record's, made with {versions}; use that machine "
            f"and those versions for the same pixels; the new pictures are in '{out}'"
        )
    say("the pixels are the recorded ones, bit for bit", quiet)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from wordbrush.versions import installed_versions

        typer.echo(f"wordbrush {installed_versions()['wordbrush']}")
        raise typer.Exit


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    typer.echo(f"warning: {message}", err=True)


def main() -> None:
    """Run the command line: exit code 0, or 2 after one line that names the bad input and its remedy."""
    wait_passively()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", WordbrushWarning)
            warnings.showwarning = _show_warning
            app()
    except WordbrushError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
