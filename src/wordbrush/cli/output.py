"""What the commands say: each a line, in which nothing that prompts, records or names hold rules the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wordbrush.errors import escaped

if TYPE_CHECKING:
    from wordbrush.editor import Editor


def say(line: str, quiet: bool) -> None:
    """Print a line."""
    if not quiet:
        typer.echo(escaped(line))


def say_written(paths: list[Path], quiet: bool) -> None:
    """Say which files were written."""
    say("wrote " + ", ".join(str(path) for path in paths), quiet)


def warn(line: str) -> None:
    """Print a warning, to the error output."""
    typer.echo(f"warning: {escaped(line)}", err=True)


def warn_of_unknown_words(editor: "Editor", prompts: list[str]) -> None:
    """Warn of the words that a model with a small vocabulary never saw."""
    for word, nearest in editor.unknown_words(prompts).items():
        hint = f"; the nearest word it knows is '{nearest}'" if nearest else ""
        warn(f"this model never saw the word '{word}'{hint}")
