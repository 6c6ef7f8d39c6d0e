"""`wordbrush edit`: a picture, generated or a photograph, and its edits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.edit_flags import EditFlags, with_default_window
from wordbrush.cli.flags import PHOTO, RUN, GenerationFlags, PhotoFlags, RunFlags
from wordbrush.cli.load import load_for_one_run
from wordbrush.cli.output import say, say_written, warn, warn_of_unknown_words
from wordbrush.cli.photo import PhotoTask, invert_photo, photo_of_edit
from wordbrush.cli.progress import Progress
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from PIL.Image import Image

    from wordbrush.runs.results import EditResults

FIRST = ("cross_replace_steps", "self_replace_steps", "equalizer", "local_blend", "seed")


def edit(
    source: Annotated[str | None, typer.Argument(help="A prompt; a photo with --source-prompt or --invert.")] = None,
    target: Annotated[tuple[str, ...], typer.Argument(help="Edited prompts; with --weight alone, none.")] = (),
    edits: EditFlags = EditFlags(),
    photo: Annotated[
        Path | None, flag("--photo", help="Edit this file; every argument is then a TARGET.", group=PHOTO)
    ] = None,
    inversion: PhotoFlags = PhotoFlags(),
    generation: GenerationFlags = GenerationFlags(),
    run: RunFlags = RunFlags(),
    no_comparison: Annotated[bool, flag("--no-comparison", help="Skip comparison.png.", group=RUN)] = False,
) -> None:
    """Make a picture of SOURCE and edit it into each TARGET: source.png, edited.png, comparison.png, record.json.

    A photograph is edited with `wordbrush edit photo.jpg --source-prompt "what it shows" TARGET`.
    """
    made, options = generation.options(), edits.options()
    file, prompt = photo_of_edit(source, photo, inversion.given())
    if file is None and prompt is None:
        raise SettingsError("there is no SOURCE prompt; give one, or --photo FILE")
    targets = [*([prompt] if file is not None and prompt is not None else []), *target]
    if not targets and "equalizer" not in options:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    task = None if file is None else PhotoTask.of(file, inversion, made)
    check_writable(run.out)
    editor = load_for_one_run(run)
    options = with_default_window(options, editor.model.defaults)
    said = (prompt if file is None else inversion.prompt) or ""
    warn_of_unknown_words(editor, list(dict.fromkeys([said, *targets, generation.negative_prompt])))
    if task is None:
        with Progress("editing", run.quiet) as progress:
            results = editor.generate_and_edit(said, targets or [said], on_step=progress, **made, **options)
    else:
        inverted = invert_photo(editor, task, made, run.quiet)
        with Progress("editing", run.quiet) as progress:
            results = editor.edit(inverted, targets or [inverted.prompt], on_step=progress, **options)
    sheet = None
    if not no_comparison:
        from wordbrush.comparison import beside_plain

        with Progress("plain, for comparison", run.quiet) as progress:
            sheet = beside_plain(editor, results, on_step=progress)
    write_edits(results, sheet, run.out, run.quiet)


def write_edits(results: "EditResults", sheet: "Image | None", out: Path, quiet: bool) -> None:
    """Write the edits of a run, and its sheet if there is one; then say what was done."""
    from wordbrush.runs.png import save_sheet
    from wordbrush.runs.replaced import COMPARISON

    written = list(dict.fromkeys(path for result in results for path in result.save(out)))
    record = results[0].record
    if sheet is not None:
        written.append(out / COMPARISON)
        save_sheet(sheet, written[-1], record)
    for line in record.edit.describe() if record.edit is not None else ():
        say(line, quiet)
    for lines in record.acted:
        say("; ".join(lines), quiet)
    for warning in record.warnings:
        warn(warning)
    say_written(written, quiet)
