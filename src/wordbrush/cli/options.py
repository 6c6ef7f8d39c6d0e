"""Options that several commands share, and what the commands say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wordbrush.editor import Editor

Model = Annotated[str | None, typer.Option(help="Diffusers folder or hub id; the bundled model if not given.")]
Seed = Annotated[int, typer.Option(help="What the noise is drawn from.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps; the model's default if not given.")]
Guidance = Annotated[float | None, typer.Option(help="Classifier-free guidance scale; the model's default.")]
Negative = Annotated[str, typer.Option(help="Negative prompt.")]
Size = Annotated[str | None, typer.Option(help="Pixels: 512, or HEIGHTxWIDTH; the model's default.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps; the best there is.")]
Dtype = Annotated[str | None, typer.Option(help="float32, float16 or bfloat16.")]
Out = Annotated[Path, typer.Option(help="Folder for what is made.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but warnings and errors.")]


def warn_of_unknown_words(editor: "Editor", prompts: list[str]) -> None:
    """Say which words a model with a small vocabulary never saw."""
    for word, nearest in editor.unknown_words(prompts).items():
        hint = f"; the nearest word it knows is '{nearest}'" if nearest else ""
        typer.echo(f"warning: this model never saw the word '{word}'{hint}", err=True)


def say(line: str, quiet: bool) -> None:
    """Print a line."""
    if not quiet:
        typer.echo(line)


def say_written(paths: list[Path], quiet: bool) -> None:
    """Say which files were written."""
    say("wrote " + ", ".join(str(path) for path in paths), quiet)
