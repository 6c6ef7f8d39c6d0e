"""The command line: parses, calls the editor, writes. It holds no logic of its own."""

import sys
from importlib.metadata import entry_points
from typing import Annotated

import typer

from wordbrush.cli import edit, explore, invert, learn, maps, pairs, probe, process, sweep
from wordbrush.cli.command import add_command
from wordbrush.cli.figures import figures
from wordbrush.cli.generate import generate
from wordbrush.cli.models import models
from wordbrush.cli.replay import replay
from wordbrush.cli.serve import serve, ui
from wordbrush.models.processor import wait_passively

app = typer.Typer(
    help="Edit an image by editing its prompt.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
add_command(app, edit.edit, first=edit.FIRST)
add_command(app, sweep.sweep, first=sweep.FIRST)
add_command(app, explore.explore, first=explore.FIRST)
add_command(app, figures)
add_command(app, pairs.pairs, first=pairs.FIRST)
add_command(app, maps.maps, first=maps.FIRST)
add_command(app, invert.invert, first=invert.FIRST)
add_command(app, generate)
add_command(app, learn.learn, first=learn.FIRST)
add_command(app, probe.probe, first=probe.FIRST)
add_command(app, replay)
add_command(app, ui)
add_command(app, serve)
add_command(app, models)
for command in entry_points(group="wordbrush.commands"):
    app.add_typer(command.load(), name=command.name)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from wordbrush.versions import installed_versions

        typer.echo(f"wordbrush {installed_versions()['wordbrush']}")
        raise typer.Exit


def main() -> None:
    """Run the command line: exit code 0, or 2 after one line that names the bad input and its remedy."""
    wait_passively()
    sys.exit(process.run(app))
