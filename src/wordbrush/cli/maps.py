"""`wordbrush maps`: what each word of a picture looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.load import load_for_one_run, load_recorded
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
from wordbrush.cli.values import map_resolution, map_words, picture_size
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from wordbrush.maps.request import MapsRequest
    from wordbrush.runs.results import EditResult, Source


def maps(
    prompt: Annotated[str | None, typer.Argument(help="What to draw; with --record, none.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Edit into this prompt, and show its maps too.")] = None,
    record: Annotated[Path | None, typer.Option(help="Show a run again: its record.json, or a PNG of it.")] = None,
    words: Annotated[str | None, typer.Option(help="WORD,WORD,...; every word if not given.")] = None,
    resolution: Annotated[
        str | None, typer.Option(help="Cells: 16, HEIGHTxWIDTH, or all; the coarsest of 16+.")
    ] = None,
    per_step: Annotated[bool, typer.Option("--per-step", help="Show the steps apart as well.")] = False,
    self_components: Annotated[
        bool, typer.Option("--self-components", help="Show self-attention as colours.")
    ] = False,
    shared_scale: Annotated[bool, typer.Option("--shared-scale", help="One scale of colours for all words.")] = False,
    model: Model = None,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    negative: Negative = "",
    size: Size = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-maps"),
    quiet: Quiet = False,
) -> None:
    """Make a picture of PROMPT and show what each word looks at: source.png, and source-maps/ with all maps."""
    from wordbrush.maps.request import MapsRequest

    if (prompt is None) == (record is None):
        raise SettingsError("give either a PROMPT, or --record with a record.json or a PNG that wordbrush wrote")
    request = MapsRequest(
        words=map_words(words),
        resolution=map_resolution(resolution),
        per_step=per_step,
        self_components=3 if self_components else 0,
    )
    pixels = picture_size(size)
    if record is not None:
        if target or pixels or steps is not None or guidance is not None or negative or seed:
            raise SettingsError("--record says how its run was made; give no other setting of it")
        made = _replay(record, request, model, out, quiet)
    else:
        assert prompt is not None
        check_writable(out)
        editor = load_for_one_run(model, device, dtype)
        warn_of_unknown_words(editor, [prompt, *(target or []), negative])
        made = []
        with Progress("drawing", quiet) as progress:
            if target:
                edits = editor.generate_and_edit(
                    prompt,
                    target,
                    seed=seed,
                    num_inference_steps=steps,
                    guidance_scale=guidance,
                    negative_prompt=negative,
                    size=pixels,
                    capture=request,
                    on_step=progress,
                )
                assert isinstance(edits, list)
                made = [edits[0].source, *edits]
            else:
                source = editor.generate(
                    prompt,
                    seed=seed,
                    num_inference_steps=steps,
                    guidance_scale=guidance,
                    negative_prompt=negative,
                    size=pixels,
                    capture=request,
                    on_step=progress,
                )
                made = [source]
    _write(made, shared_scale, out, quiet)


def _replay(
    path: Path, request: "MapsRequest", model: str | None, out: Path, quiet: bool
) -> "list[Source | EditResult]":
    recorded, editor = load_recorded(path, model, out)
    with Progress("drawing again", quiet) as progress:
        again = editor.replay(recorded, capture=request, on_step=progress)
    return [again[0].source, *again] if isinstance(again, list) else [again]


def _write(made: "list[Source | EditResult]", shared_scale: bool, out: Path, quiet: bool) -> None:
    written = []
    for picture in made:
        written += picture.save(out)
        if picture.maps is not None:
            say(picture.maps.aggregation, quiet)
            written += picture.maps.save(out / f"{picture.name}-maps", picture.canvas, shared_scale=shared_scale)
    say_written(list(dict.fromkeys(written)), quiet)
