"""`wordbrush replay`: the pictures of a record again."""

from pathlib import Path
from typing import Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.edit import write_edits
from wordbrush.cli.flags import RunFlags
from wordbrush.cli.load import load_recorded
from wordbrush.cli.output import say, say_written
from wordbrush.cli.progress import Progress
from wordbrush.errors import RecordError


def replay(
    record: Annotated[Path, typer.Argument(help="A record.json, or a PNG that wordbrush wrote.")],
    photo: Annotated[Path | None, flag("--photo", help="The photo that the record is of, if it is of one.")] = None,
    run: RunFlags = RunFlags(out=Path("wordbrush-replay")),
) -> None:
    """Make the pictures of a RECORD again, with the same pixels on the same machine.

    The model, device and dtype are the record's unless others are given. --model says where the model is now, if it
    moved; on another --device or in another --dtype the pixels may differ.
    """
    from wordbrush.runs.record import Comparison

    recorded = load_recorded(record, run)
    with Progress("replaying", run.quiet) as progress:
        made = recorded.editor.replay(recorded.record, photo=photo, on_step=progress)
    if isinstance(made, list):
        again = made[0].record
        write_edits(made, None, run.out, run.quiet)
    else:
        again = made.record
        say_written(made.save(run.out), run.quiet)
    compared = Comparison.of(recorded.record.image_sha256, again.image_sha256)
    differing = compared.differing
    if compared.unknown:
        say(f"the record has no hash of {', '.join(compared.unknown)}, which could not be compared", run.quiet)
    if differing and recorded.elsewhere:
        say(
            f"the pixels of {', '.join(differing)} differ from the record's, as they may: they were computed in "
            f"{recorded.elsewhere}, the record's in {recorded.record.model.dtype} on {recorded.record.model.device}",
            run.quiet,
        )
    elif differing:
        versions = ", ".join(f"{package} {number}" for package, number in recorded.record.versions.items())
        raise RecordError(
            f"the pixels of {', '.join(differing)} differ from the record's, made with {versions}; use that machine "
            f"and those versions for the same pixels; the new pictures are in '{run.out}'"
        )
    elif compared.same:
        say(f"the pixels of {', '.join(compared.same)} are the recorded ones, bit for bit", run.quiet)
