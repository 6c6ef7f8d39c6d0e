"""`wordbrush edit`: a picture, generated or a photograph, and its edits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordbrush.cli.load import load_for_one_run
from wordbrush.cli.methods import (
    AttentionSteps,
    FeatureSteps,
    Mutual,
    MutualLayer,
    MutualStart,
    Structure,
    mutual_options,
    structure_options,
)
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
from wordbrush.cli.photo import (
    METHODS,
    CacheDir,
    Captioner,
    NoCache,
    Settings,
    chosen_cache,
    invert_photo,
    photo_choice,
    photo_of_edit,
)
from wordbrush.cli.progress import Progress
from wordbrush.cli.values import blend_options, picture_size, word_numbers
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from PIL.Image import Image

    from wordbrush.editor import Editor
    from wordbrush.edits.settings import CrossSteps
    from wordbrush.runs.results import EditResult


def edit(
    source: Annotated[str | None, typer.Argument(help="A prompt; a photo with --source-prompt or --invert.")] = None,
    target: Annotated[list[str] | None, typer.Argument(help="Edited prompts; with --weight alone, none.")] = None,
    photo: Annotated[str | None, typer.Option(help="Edit this file; every argument is then a TARGET.")] = None,
    source_prompt: Annotated[str | None, typer.Option(help="What the photo shows; empty if not given.")] = None,
    invert: Annotated[str | None, typer.Option(help=f"How the photo is inverted: {METHODS}.")] = None,
    setting: Settings = None,
    captioner: Captioner = None,
    cache_dir: CacheDir = None,
    no_cache: NoCache = False,
    model: Model = None,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    negative: Negative = "",
    size: Size = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-out"),
    quiet: Quiet = False,
    kind: Annotated[str, typer.Option(help="auto, replace or refine.")] = "auto",
    cross_steps: Annotated[float | None, typer.Option(help="Part of the steps that keep the source's maps.")] = None,
    cross_steps_for: Annotated[list[str] | None, typer.Option(help="WORD=F: the same for one word.")] = None,
    self_steps: Annotated[float | None, typer.Option(help="Part of the steps that keep its self-attention.")] = None,
    self_max_pixels: Annotated[int, typer.Option(help="Largest self-attention kept: 256 or 1024.")] = 256,
    weight: Annotated[list[str] | None, typer.Option(help="WORD=K: multiply the word's attention by K.")] = None,
    blend: Annotated[str | None, typer.Option(help="WORD[,WORD]: only their region changes; or auto.")] = None,
    blend_subtract: Annotated[str | None, typer.Option(help="WORD[,WORD]: their region does not change.")] = None,
    blend_threshold: Annotated[float | None, typer.Option(help="Of a word's highest attention; less is more.")] = None,
    blend_start: Annotated[float | None, typer.Option(help="Part of the steps before the blend.")] = None,
    mask: Annotated[Path | None, typer.Option(help="PNG: only what is white in it may change.")] = None,
    hold_pixels: Annotated[bool, typer.Option("--hold-pixels", help="Outside, the source's very pixels.")] = False,
    mutual: Mutual = False,
    mutual_start: MutualStart = None,
    mutual_layer: MutualLayer = None,
    plug_and_play: Structure = False,
    feature_steps: FeatureSteps = None,
    attention_steps: AttentionSteps = None,
    no_comparison: Annotated[bool, typer.Option("--no-comparison", help="Skip comparison.png.")] = False,
) -> None:
    """Make a picture of SOURCE and edit it into each TARGET: source.png, edited.png, comparison.png, record.json.

    A photograph is edited with `wordbrush edit photo.jpg --source-prompt "what it shows" TARGET`.
    """
    pixels = picture_size(size)
    equalizer = word_numbers("--weight", weight or [], "red=2.0")
    windows = word_numbers("--cross-steps-for", cross_steps_for or [], "cat=0.4")
    region = blend_options(blend, blend_subtract, blend_threshold, blend_start, mask, hold_pixels)
    free = mutual_options(mutual, mutual_start, mutual_layer)
    structure = structure_options(plug_and_play, feature_steps, attention_steps)
    needs_photo = {
        "--source-prompt": source_prompt is not None,
        "--invert": invert is not None,
        "--setting": bool(setting),
        "--captioner": captioner is not None,
        "--cache-dir": cache_dir is not None,
        "--no-cache": no_cache,
    }
    file, prompt = photo_of_edit(source, photo, needs_photo)
    if file is None and prompt is None:
        raise SettingsError("there is no SOURCE prompt; give one, or --photo FILE")
    targets = [*([prompt] if file is not None and prompt is not None else []), *(target or [])]
    if not targets and not equalizer:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    choice = None
    if file is not None:
        cache = chosen_cache(cache_dir, no_cache)
        choice = photo_choice(file, source_prompt, invert or "direct", setting, captioner, cache)
    check_writable(out)
    editor = load_for_one_run(model, device, dtype)
    said = (prompt if file is None else source_prompt) or ""
    warn_of_unknown_words(editor, list(dict.fromkeys([said, *targets, negative])))
    changes: dict[str, Any] = {
        "edit": kind,
        "cross_replace_steps": _cross_steps(editor, cross_steps, windows),
        "self_replace_steps": self_steps,
        "self_replace_max_pixels": self_max_pixels,
        "equalizer": equalizer,
        "local_blend": region,
        "mask": mask,
        "mutual_self_attention": free,
        "plug_and_play": structure,
    }
    if choice is not None:
        inverted = invert_photo(
            editor, choice, seed=seed, steps=steps, guidance=guidance, negative=negative, size=pixels, quiet=quiet
        )
        with Progress("editing", quiet) as progress:
            results = editor.edit(inverted, targets or [inverted.prompt], **changes, on_step=progress)
    else:
        with Progress("editing", quiet) as progress:
            results = editor.generate_and_edit(
                said,
                targets or [said],
                seed=seed,
                num_inference_steps=steps,
                guidance_scale=guidance,
                negative_prompt=negative,
                size=pixels,
                **changes,
                on_step=progress,
            )
    assert isinstance(results, list)
    sheet = None if no_comparison else _comparison(editor, results, quiet)
    for lines in results[0].record.acted:
        say("; ".join(lines), quiet)
    for warning in results[0].record.warnings:
        typer.echo(f"warning: {warning}", err=True)
    write_edits(results, sheet, out, quiet)


def _cross_steps(editor: "Editor", everywhere: float | None, windows: dict[str, float]) -> "CrossSteps | None":
    """One window, or one per word with that of all others."""
    if not windows:
        return everywhere
    return {"default_": editor.model.defaults.cross_replace_steps if everywhere is None else everywhere, **windows}


def _comparison(editor: "Editor", results: "list[EditResult]", quiet: bool) -> "Image":
    """Source, edit and plain regeneration of each target, as in figure 3.1."""
    from wordbrush.views.sheets import comparison

    source = results[0].source
    rows = []
    with Progress("plain, for comparison", quiet, parts=len(results)) as progress:
        for result in results:
            plain = editor.regenerate(source, result.target, on_step=progress)
            row = [
                *([] if source.photo is None else [("the photograph", source.photo)]),
                (f"source: {source.prompt}", source.image),
                (f"wordbrush: {result.target}", result.image),
                ("same prompt and noise, without wordbrush", plain.image),
                *([] if result.blend_mask is None else [("white may change", result.blend_mask)]),
            ]
            rows.append([(caption, _at_most(image, max(source.canvas.size))) for caption, image in row])
            progress.next_part()
    return comparison(rows)


def _at_most(image: "Image", side: int) -> "Image":
    """A picture no larger than a sheet needs: photographs may have any size."""
    if max(image.size) <= side:
        return image
    small = image.copy()
    small.thumbnail((side, side))
    return small


def write_edits(results: "list[EditResult]", sheet: "Image | None", out: Path, quiet: bool) -> None:
    """Write the edits of a run and its sheet, if there is one, and say so."""
    from wordbrush.pictures.save import save_plain_png

    written = list(dict.fromkeys(path for result in results for path in result.save(out)))
    if sheet is not None:
        written.append(out / "comparison.png")
        save_plain_png(sheet, written[-1])
    say_written(written, quiet)
