"""`wordbrush maps`: what each word of a picture looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.edit_flags import EditFlags, with_default_window
from wordbrush.cli.flags import GenerationFlags, RunFlags
from wordbrush.cli.load import load_for_one_run, load_recorded
from wordbrush.cli.output import say, say_written, warn_of_unknown_words
from wordbrush.cli.progress import Progress
from wordbrush.cli.values import map_resolution
from wordbrush.cli.values import words as comma_words
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from wordbrush.maps.request import MapsRequest
    from wordbrush.runs.results import EditResult, Source

MAPS = "The maps"
FIRST = ("words", "target", "record", "resolution", "seed")


def maps(
    prompt: Annotated[str | None, typer.Argument(help="What to draw; with --record, none.")] = None,
    target: Annotated[
        tuple[str, ...], flag("--target", help="Edit into this prompt, and show its maps too.", group=MAPS)
    ] = (),
    record: Annotated[
        Path | None, flag("--record", help="Show a run again: its record.json, or a PNG of it.", group=MAPS)
    ] = None,
    photo: Annotated[
        Path | None, flag("--photo", help="The photo that the --record is of, if it is of one.", group=MAPS)
    ] = None,
    words: Annotated[
        str | None, flag("--words", metavar="WORD,...", help="The words to show; else every word.", group=MAPS)
    ] = None,
    resolution: Annotated[
        str | None,
        flag("--resolution", metavar="CELLS", help="16, HEIGHTxWIDTH, or all; else the coarsest of 16+.", group=MAPS),
    ] = None,
    per_step: Annotated[bool, flag("--per-step", help="Show the steps apart as well.", group=MAPS)] = False,
    self_components: Annotated[
        bool, flag("--self-components", help="Show self-attention as colours.", group=MAPS)
    ] = False,
    shared_scale: Annotated[
        bool, flag("--shared-scale", help="One scale of colours for all words.", group=MAPS)
    ] = False,
    edits: EditFlags = EditFlags(),
    generation: GenerationFlags = GenerationFlags(),
    run: RunFlags = RunFlags(out=Path("wordbrush-maps")),
) -> None:
    """Make a picture of PROMPT and show what each word looks at: source.png, and source-maps/ with all maps.

    With --record, --model says where its model is now, if it moved; on another --device or in another --dtype the
    pixels may differ from the record's.
    """
    if (prompt is None) == (record is None):
        raise SettingsError("give either a PROMPT, or --record with a record.json or a PNG that wordbrush wrote")
    if per_step and resolution == "all":
        raise SettingsError("--per-step shows the steps of one resolution; give --resolution 16, or leave it out")
    options, asked = generation.options(), edits.given()
    if record is not None:
        if target or asked or generation != GenerationFlags():
            raise SettingsError("--record says how its run was made; give no other setting of it")
    elif photo is not None:
        raise SettingsError("--photo does nothing alone; add --record FILE")
    edit = edits.options()
    if asked and not target and "equalizer" not in edit:
        raise SettingsError(f"{asked} is about an edit, and none is asked for; add --target PROMPT")
    from wordbrush.maps.request import MapsRequest

    request = MapsRequest(
        words=comma_words("--words", words),
        resolution=map_resolution(resolution),
        per_step=per_step,
        self_components=3 if self_components else 0,
    )
    made: list[Source | EditResult]
    if record is not None:
        made = _replay(record, photo, request, run)
    else:
        assert prompt is not None
        check_writable(run.out)
        editor = load_for_one_run(run, options, edit)
        warn_of_unknown_words(editor, [prompt, *target, generation.negative_prompt])
        with Progress("drawing", run.quiet) as progress:
            if asked or target:
                edit = with_default_window(edit, editor.model.defaults)
                results = editor.generate_and_edit(
                    prompt, target or [prompt], capture=request, on_step=progress, **options, **edit
                )
                made = [results[0].source, *results]
            else:
                made = [editor.generate(prompt, capture=request, on_step=progress, **options)]
    _write(made, shared_scale, run)


def _replay(record: Path, photo: Path | None, request: "MapsRequest", run: RunFlags) -> "list[Source | EditResult]":
    recorded = load_recorded(record, run)
    with Progress("drawing again", run.quiet) as progress:
        again = recorded.editor.replay(recorded.record, photo=photo, capture=request, on_step=progress)
    if recorded.elsewhere:
        say(f"computed in {recorded.elsewhere}, so that pixels may differ from the record's", run.quiet)
    return [again[0].source, *again] if isinstance(again, list) else [again]


def _write(made: "list[Source | EditResult]", shared_scale: bool, run: RunFlags) -> None:
    written, aggregations = [], []
    for picture in made:
        written += picture.save(run.out)
        if picture.maps is not None:
            aggregations.append(picture.maps.aggregation)
            folder = run.out / f"{picture.name}-maps"
            written += picture.maps.save(folder, picture.canvas, shared_scale=shared_scale)
    for aggregation in aggregations:
        say(aggregation, run.quiet)
    say_written(list(dict.fromkeys(written)), run.quiet)
