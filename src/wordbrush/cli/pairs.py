"""`wordbrush pairs`: a training set of pictures before and after an edit."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.edit_flags import EditFlags
from wordbrush.cli.flags import Concept, Device, DrawnFlags, Dtype, Lora, Model, Quiet
from wordbrush.cli.load import named_loras_of
from wordbrush.cli.output import say
from wordbrush.cli.pair_flags import FilterFlags, SetFlags, TryFlags
from wordbrush.cli.process import interruptions
from wordbrush.cli.values import concept_file, lora_file
from wordbrush.errors import DataError, SettingsError

if TYPE_CHECKING:
    from wordbrush.editor import RunOptions
    from wordbrush.pairs.factory import Engine, Task
    from wordbrush.pairs.making import Making
    from wordbrush.pairs.totals import Totals

FIRST = ("tries", "workers", "format", "dry_run")
TERMINATED = 143
"""The exit code after SIGTERM, as shells have it."""


def pairs(
    captions: Annotated[Path, typer.Argument(help="Rows of captions: .jsonl, .csv or .parquet.")],
    out: Annotated[Path, typer.Argument(help="Folder of the set; a stopped one goes on.")],
    tries: TryFlags = TryFlags(),
    filters: FilterFlags = FilterFlags(),
    made: SetFlags = SetFlags(),
    dry_run: Annotated[
        bool, flag("--dry-run", help="Make the first 20 rows, write nothing, say what all would cost.")
    ] = False,
    json_lines: Annotated[bool, flag("--json", help="Report on the output as JSON lines.")] = False,
    edits: EditFlags = EditFlags(),
    picture: DrawnFlags = DrawnFlags(),
    model: Model = None,
    lora: Lora = (),
    concept: Concept = (),
    device: Device = None,
    dtype: Dtype = None,
    quiet: Quiet = False,
) -> None:
    """Make (before, after, instruction) of each row of CAPTIONS: shards, errors.jsonl, manifest, datasheet, sheet.

    A row has `source`, `target` (one caption or a list) and, if it likes, `instruction`, `id` and options of its own
    by their API names. A row that cannot be used is an entry of errors.jsonl, and the run goes on. Stopped anyhow, the
    same command goes on where it was, and the bytes of the set are those of a run that was not stopped.
    """
    options = cast("RunOptions", {**picture.options(), **edits.options()})
    if "mask" in options:
        raise SettingsError("--mask is of one picture, and pairs are of many; leave it out")
    loras, concepts = [lora_file("--lora", one) for one in lora], [concept_file("--concept", one) for one in concept]
    sampling, chosen = tries.sampling(options), filters.filters()
    from wordbrush.pairs.choice import choose_adapters, choose_model, clip_fingerprint
    from wordbrush.pairs.factory import Task, make_set
    from wordbrush.pairs.making import Making

    beside = choose_adapters(loras, concepts, named_loras_of(options))
    making = Making(
        replace(choose_model(model, device, dtype, made.threads), adapters=beside),
        options,
        sampling,
        chosen,
        made.batch,
        made.clip,
        "" if made.clip is None else clip_fingerprint(made.clip),
        made.photos,
        made.inversion(),
    )
    task = Task(captions, out, making, made.format, made.shard_rows, made.license)
    if dry_run:
        _say_estimate(task, made.workers)
        return
    progress = _Progress(quiet, json_lines)
    try:
        with _terminable():
            totals = make_set(task, _engine(making, made), progress)
    except (KeyboardInterrupt, SystemExit):
        typer.echo("\nstopped; give the same command again to go on", err=True)
        raise
    progress.end(totals)
    if totals.errors == totals.rows:
        raise DataError(f"none of the {totals.rows} rows could be used; '{out / 'errors.jsonl'}' says why")
    say(f"{totals.pairs} pairs of {totals.rows} rows ({totals.errors} errors) in '{out}'", quiet or json_lines)


def _engine(making: "Making", made: SetFlags) -> "Engine":
    if made.engine == "ray":
        from wordbrush.pairs.on_ray import on_ray

        return on_ray(making, made.workers)
    from wordbrush.pairs.local import in_processes, in_this_process
    from wordbrush.pairs.maker import PairMaker

    return in_this_process(PairMaker.load(making)) if made.workers == 1 else in_processes(making, made.workers)


def _say_estimate(task: "Task", workers: int) -> None:
    from wordbrush.pairs.estimate import estimate
    from wordbrush.pairs.maker import PairMaker

    for line in estimate(task.captions, PairMaker.load(task.making), task.making).lines(workers):
        typer.echo(line)


@contextmanager
def _terminable() -> Iterator[None]:
    """A scope in which SIGTERM ends the command as an interruption does: workers are stopped, files closed."""

    def end(number: int, frame: Any) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Progress:
    """The counts: one line that is written over on a terminal, one a minute elsewhere; or JSON lines."""

    def __init__(self, quiet: bool, as_json: bool) -> None:
        from wordbrush.pairs.pace import Pace

        self._pace, self._quiet, self._json = Pace(), quiet, as_json
        self._terminal = sys.stderr.isatty()
        self._every = 1.0 if self._terminal or as_json else 60.0
        self._shown = time.monotonic() - self._every

    def __call__(self, totals: "Totals") -> None:
        """Show the counts, unless they were shown just now."""
        interruptions.check()
        said = self._pace.of(totals)
        if time.monotonic() - self._shown >= self._every:
            self._shown = time.monotonic()
            self._show(said)

    def end(self, totals: "Totals") -> None:
        """Show the last counts."""
        self._show(self._pace.of(totals))
        if self._terminal and not (self._json or self._quiet):
            print(file=sys.stderr)

    def _show(self, said: dict[str, Any]) -> None:
        if self._json:
            print(json.dumps(said), flush=True)
        elif not self._quiet:
            start, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
            print(f"{start}{_line(said)}", end=end, file=sys.stderr, flush=True)


def _line(said: dict[str, Any]) -> str:
    refused = sum(said["rejected"].values())
    line = f"{said['done']} of {said['rows']} rows, {said['pairs']} pairs, {refused} refused, {said['errors']} errors"
    if said["eta_seconds"] is None:
        return line
    left = said["eta_seconds"]
    eta = f"{left} s" if left < 120 else f"{left / 60:.0f} min" if left < 7200 else f"{left / 3600:.1f} h"
    return f"{line}; {said['pairs_per_minute']:g} pairs a minute, {eta} left"
