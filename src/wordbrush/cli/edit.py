"""`wordbrush edit`: a picture, generated or a photograph, and its edits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.command import first_given, flag
from wordbrush.cli.edit_flags import EditFlags, with_default_window
from wordbrush.cli.flags import PHOTO, PICTURE, RUN, WORDS, GenerationFlags, PhotoFlags, RunFlags
from wordbrush.cli.further import result_again
from wordbrush.cli.load import load_for_one_run, load_for_runs
from wordbrush.cli.output import say, say_written, warn, warn_of_unknown_words
from wordbrush.cli.photo import PhotoTask, invert_photo, photo_of_edit
from wordbrush.cli.progress import Progress
from wordbrush.cli.ranked import Clip, needs_search, searching, write_ranking
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from PIL.Image import Image

    from wordbrush.editor import Editor
    from wordbrush.runs.results import EditResults, Source
    from wordbrush.sampling.settings import GenerationOptions

FIRST = ("cross_replace_steps", "self_replace_steps", "equalizer", "local_blend", "seed")


def edit(
    source: Annotated[str | None, typer.Argument(help="A prompt; a photo with --source-prompt or --invert.")] = None,
    target: Annotated[tuple[str, ...], typer.Argument(help="Edited prompts; with --weight alone, none.")] = (),
    edits: EditFlags = EditFlags(),
    photo: Annotated[
        Path | None, flag("--photo", help="Edit this file; every argument is then a TARGET.", group=PHOTO)
    ] = None,
    further: Annotated[
        Path | None,
        flag("--further", help="Edit what a PNG of wordbrush shows; every argument is then a TARGET.", group=PICTURE),
    ] = None,
    inversion: PhotoFlags = PhotoFlags(),
    generation: GenerationFlags = GenerationFlags(),
    run: RunFlags = RunFlags(),
    candidates: Annotated[
        int | None, flag("--candidates", help="Make N edits from weak to strong, and rank them.", group=WORDS)
    ] = None,
    clip: Clip = None,
    source_first: Annotated[
        bool,
        flag("--source-first", help="Draw SOURCE, then edit it, as the page does; else all in one batch.", group=RUN),
    ] = False,
    no_comparison: Annotated[bool, flag("--no-comparison", help="Skip comparison.png.", group=RUN)] = False,
) -> None:
    """Make a picture of SOURCE and edit it into each TARGET: source.png, edited.png, comparison.png, record.json.

    A photograph is edited with `wordbrush edit photo.jpg --source-prompt "what it shows" TARGET`. With --candidates
    sheet.png and ranking.json are written, and each edit.
    """
    made, options = generation.options(), searching(edits.options(), clip, candidates)
    if further is None:
        file, said, targets = _new(source, target, photo, inversion)
    else:
        file, said, targets = None, "", tuple(text for text in (source, *target) if text is not None)
        if asked := inversion.given() or first_given(generation) or ("--source-first" if source_first else None):
            raise SettingsError(f"{asked} is about a new picture, and --further edits one that is there; leave it out")
    if not targets and "equalizer" not in options:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    if candidates is not None and len(targets) != 1:
        raise SettingsError(f"--candidates is for one TARGET, and there are {len(targets)}; give one")
    task = None if file is None else PhotoTask.of(file, inversion, made)
    check_writable(run.out)
    picture = None
    if further is not None:
        editor, picture = result_again(further, photo, run)
        said = picture.prompt
    else:
        edits_kept = source_first or candidates is not None or needs_search(options)
        editor = (load_for_runs if edits_kept else load_for_one_run)(run, made, options)
    options = with_default_window(options, editor.model.defaults)
    warn_of_unknown_words(editor, list(dict.fromkeys([said, *targets, generation.negative_prompt])))
    if task is not None:
        picture = invert_photo(editor, task, made, run.quiet)
    elif source_first:
        picture = _drawn(editor, said, made, run.quiet)
    if candidates is not None:
        with Progress("editing", run.quiet) as progress:
            picture = picture or editor.generate(said, **made)
            ranked = editor.candidates(picture, targets[0], candidates, clip=clip, on_step=progress, **options)
        write_ranking(ranked, run.out, run.quiet)
        return
    with Progress("editing", run.quiet) as progress:
        if picture is None:
            results = editor.generate_and_edit(said, targets or (said,), on_step=progress, **made, **options)
        else:
            results = editor.edit(picture, targets or (picture.prompt,), on_step=progress, **options)
    sheet = None
    if not no_comparison:
        from wordbrush.cli.comparison import beside_plain

        with Progress("plain, for comparison", run.quiet) as progress:
            sheet = beside_plain(editor, results, on_step=progress)
    write_edits(results, sheet, run.out, run.quiet)


def _new(
    source: str | None, target: tuple[str, ...], photo: Path | None, inversion: PhotoFlags
) -> tuple[Path | None, str, tuple[str, ...]]:
    """The photograph, if it is one, what the picture shows, and the targets. Raises `SettingsError`."""
    file, prompt = photo_of_edit(source, photo, inversion.given())
    if file is not None:
        return file, inversion.prompt or "", target if prompt is None else (prompt, *target)
    if prompt is None:
        raise SettingsError("there is no SOURCE prompt; give one, or --photo FILE")
    return None, prompt, target


def _drawn(editor: "Editor", prompt: str, options: "GenerationOptions", quiet: bool) -> "Source":
    with Progress("generating", quiet) as progress:
        return editor.generate(prompt, on_step=progress, **options)


def write_edits(results: "EditResults", sheet: "Image | None", out: Path, quiet: bool) -> None:
    """Write the edits of a run, and its sheet if there is one; then say what was done."""
    from wordbrush.runs.png import save_sheet
    from wordbrush.runs.replaced import COMPARISON

    written = list(dict.fromkeys(path for result in results for path in result.save(out)))
    record = results[0].record
    if sheet is not None:
        written.append(out / COMPARISON)
        save_sheet(sheet, written[-1], record)
    if record.edit is not None:
        for line in record.edit.describe():
            say(line, quiet)
        if record.edit.strength is not None:
            say(f"strength {record.edit.strength:g}", quiet)
    for lines in record.acted:
        say("; ".join(lines), quiet)
    for warning in record.warnings:
        warn(warning)
    say_written(written, quiet)
