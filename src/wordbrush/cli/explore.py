"""`wordbrush explore`: one edit from several seeds, ranked."""

from pathlib import Path
from typing import Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.edit_flags import EditFlags, with_default_window
from wordbrush.cli.flags import PICTURE, PictureFlags, RunFlags
from wordbrush.cli.load import load_for_one_run
from wordbrush.cli.output import warn_of_unknown_words
from wordbrush.cli.progress import Progress
from wordbrush.cli.ranked import Clip, write_ranking
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

FIRST = ("seeds", "strength", "local_blend", "clip")


def explore(
    source: Annotated[str, typer.Argument(help="The prompt of the source.")],
    target: Annotated[str | None, typer.Argument(help="The edited prompt; with --weight alone, none.")] = None,
    seeds: Annotated[
        str, flag("--seeds", metavar="N", help="How many, from 0 on; or which: 1,2,3 or 5:20.", group=PICTURE)
    ] = "16",
    edits: EditFlags = EditFlags(),
    picture: PictureFlags = PictureFlags(),
    clip: Clip = None,
    run: RunFlags = RunFlags(out=Path("wordbrush-explore")),
) -> None:
    """Edit SOURCE into TARGET from many seeds and rank them: sheet.png, ranking.json, and each edit as a PNG.

    The score is what the model itself knows of its results. `wordbrush replay` makes any of them again.
    """
    from wordbrush.sweep.ranges import parse_whole_range

    options, made = edits.options(), picture.options()
    if target is None and "equalizer" not in options:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    numbers = parse_whole_range(seeds, "--seeds")
    check_writable(run.out)
    editor = load_for_one_run(run, made, options)
    options = with_default_window(options, editor.model.defaults)
    aim = source if target is None else target
    warn_of_unknown_words(editor, [source, aim, picture.negative_prompt])
    chosen = numbers[0] if len(numbers) == 1 else numbers
    with Progress("exploring", run.quiet) as progress:
        ranked = editor.explore(source, aim, chosen, clip=clip, on_step=progress, **made, **options)
    write_ranking(ranked, run.out, run.quiet)
