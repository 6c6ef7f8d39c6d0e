"""`wordbrush bench`: measure editing methods."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.flags import Device, Dtype, Model, Quiet, Steps
from wordbrush.cli.load import load_editor
from wordbrush.cli.output import say, say_written
from wordbrush.cli.values import words
from wordbrush.files import check_writable
from wordbrush_bench.commands.pie import miniature, pie
from wordbrush_bench.commands.rows import measured
from wordbrush_bench.commands.speed import speed

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush_bench.method import Method

bench = typer.Typer(help="Measure editing methods.", no_args_is_help=True, rich_markup_mode=None)
bench.command()(pie)
bench.command()(miniature)
bench.command()(speed)


@bench.callback()
def _bench() -> None:
    """Measure editing methods."""


@bench.command()
def scenes(
    limit: Annotated[int | None, typer.Option(help="At most so many cases of a kind, on each origin.")] = None,
    skip: Annotated[int, typer.Option(help="Leave out so many first cases of a kind: a search may know them.")] = 0,
    kinds: Annotated[str | None, typer.Option(help="KIND[,KIND]: only these kinds of edit.")] = None,
    methods: Annotated[str | None, typer.Option(help="NAME[,NAME]: only these rows, or groups of rows.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=CHECKOUT: also the rows of another program; give it once for each. Its code is executed."
        ),
    ] = None,
    model: Model = None,
    steps: Steps = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Annotated[Path, typer.Option(help="Folder of the run; a stopped one goes on.")] = Path("wordbrush-bench"),
    quiet: Quiet = False,
) -> None:
    """Measure edits of scenes whose truth is known: benchmark.md, its plots, results.json and cases.html.

    A run that was stopped goes on from its last case when the same command is given again.
    """
    from wordbrush_bench.plots import need_matplotlib

    need_matplotlib()
    check_writable(out)
    from wordbrush_bench.scenes.benchmark import run_scenes
    from wordbrush_bench.scenes.cases import scene_cases
    from wordbrush_bench.scenes.methods import scene_methods

    cases = scene_cases(limit, words("--kinds", kinds), skip)
    editor = load_editor(model, device, dtype)
    chosen = [*scene_methods(editor, words("--methods", methods), steps), *_peers(peer or [], editor)]
    say(f"{len(cases)} cases, {len(chosen)} methods", quiet)
    try:
        rows = measured(run_scenes(editor, cases, chosen, out), cases, chosen, quiet)
        failed = sum(row.error is not None for row in rows)
    except KeyboardInterrupt:
        typer.echo("stopped; give the same command again to go on", err=True)
        _report(out, quiet)
        raise
    if failed:
        typer.echo(f"{failed} rows failed with an error; the report lists them", err=True)
    _report(out, quiet)


def _peers(asked: list[str], editor: "Editor") -> "list[Method]":
    """The rows of other programs, on weights of their own: what they leave in a model is not met by ours."""
    if not asked:
        return []
    from wordbrush_bench.peers.registry import peer_methods
    from wordbrush_bench.peers.shared import SharedModel

    return peer_methods(asked, SharedModel.load(editor.model.folder, editor.model.device, editor.model.dtype))


def _report(out: Path, quiet: bool) -> None:
    from wordbrush_bench.runner import JOURNAL
    from wordbrush_bench.scenes.report import write_report

    if (out / JOURNAL).exists():
        command = "wordbrush " + shlex.join(sys.argv[1:])
        say_written(write_report(out, command), quiet)
