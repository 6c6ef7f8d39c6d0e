"""The command line: parses, calls the editor, writes. It holds no logic of its own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli_bench import bench
from wordbrush.cli_figures import figures
from wordbrush.cli_load import load_for_one_run, load_recorded
from wordbrush.cli_maps import maps
from wordbrush.cli_models import models
from wordbrush.cli_options import (
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
from wordbrush.cli_sweep import sweep
from wordbrush.cli_values import blend_options, picture_size, word_numbers
from wordbrush.errors import RecordError, SettingsError, WordbrushError
from wordbrush.files import check_writable
from wordbrush.progress import Progress

if TYPE_CHECKING:
    from PIL.Image import Image

    from wordbrush.editor import Editor
    from wordbrush.edits.settings import CrossSteps
    from wordbrush.results import EditResult

app = typer.Typer(
    help="Edit an image by editing its prompt.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.command()(sweep)
app.command()(figures)
app.command()(maps)
app.command()(models)
app.add_typer(bench, name="bench")


@app.command()
def generate(
    prompt: str,
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
) -> None:
    """Make a picture of PROMPT: source.png and record.json."""
    pixels = picture_size(size)
    check_writable(out)
    editor = load_for_one_run(model, device, dtype)
    warn_of_unknown_words(editor, [prompt, negative])
    with Progress("generating", quiet) as progress:
        source = editor.generate(
            prompt,
            seed=seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            size=pixels,
            on_step=progress,
        )
    say_written(source.save(out), quiet)


@app.command()
def edit(
    source: str,
    target: Annotated[list[str] | None, typer.Argument(help="Edited prompts; with --weight alone, none.")] = None,
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
    no_comparison: Annotated[bool, typer.Option("--no-comparison", help="Skip comparison.png.")] = False,
) -> None:
    """Make a picture of SOURCE and edit it into each TARGET: source.png, edited.png, comparison.png, record.json."""
    pixels = picture_size(size)
    equalizer = word_numbers("--weight", weight or [], "red=2.0")
    windows = word_numbers("--cross-steps-for", cross_steps_for or [], "cat=0.4")
    region = blend_options(blend, blend_subtract, blend_threshold, blend_start, mask, hold_pixels)
    if not target and not equalizer:
        raise SettingsError("there is no TARGET prompt and no --weight; give one of them")
    check_writable(out)
    editor = load_for_one_run(model, device, dtype)
    targets = target or [source]
    warn_of_unknown_words(editor, [source, *targets, negative])
    with Progress("editing", quiet) as progress:
        results = editor.generate_and_edit(
            source,
            targets,
            seed=seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            size=pixels,
            edit=kind,
            cross_replace_steps=_cross_steps(editor, cross_steps, windows),
            self_replace_steps=self_steps,
            self_replace_max_pixels=self_max_pixels,
            equalizer=equalizer,
            local_blend=region,
            mask=mask,
            on_step=progress,
        )
    assert isinstance(results, list)
    sheet = None if no_comparison else _comparison(editor, results, quiet)
    for lines in results[0].record.acted:
        say("; ".join(lines), quiet)
    for warning in results[0].record.warnings:
        typer.echo(f"warning: {warning}", err=True)
    _write_edits(results, sheet, out, quiet)


@app.command()
def replay(
    record: Annotated[Path, typer.Argument(help="A record.json, or a PNG that wordbrush wrote.")],
    model: Annotated[str | None, typer.Option(help="Where the recorded model is now, if it moved.")] = None,
    out: Out = Path("wordbrush-replay"),
    quiet: Quiet = False,
) -> None:
    """Make the pictures of a RECORD again, with the same pixels on the same machine."""
    recorded, editor = load_recorded(record, model, out)
    with Progress("replaying", quiet) as progress:
        made = editor.replay(recorded, on_step=progress)
    if isinstance(made, list):
        again = made[0].record
        _write_edits(made, None, out, quiet)
    else:
        again = made.record
        say_written(made.save(out), quiet)
    differing = [name for name, sha in recorded.image_sha256.items() if again.image_sha256.get(name) != sha]
    if differing:
        versions = ", ".join(f"{package} {number}" for package, number in recorded.versions.items())
        raise RecordError(
            f"the pixels of {', '.join(differing)} differ from the record's, made with {versions}; use that machine "
            f"and those versions for the same pixels; the new pictures are in '{out}'"
        )
    say("the pixels are the recorded ones, bit for bit", quiet)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from wordbrush.versions import installed_versions

        typer.echo(f"wordbrush {installed_versions()['wordbrush']}")
        raise typer.Exit


def main() -> None:
    """Run the command line: exit code 0, or 2 after one line that names the bad input and its remedy."""
    try:
        app()
    except WordbrushError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


def _cross_steps(editor: "Editor", everywhere: float | None, windows: dict[str, float]) -> "CrossSteps | None":
    """One window, or one per word with that of all others."""
    if not windows:
        return everywhere
    return {"default_": editor.model.defaults.cross_replace_steps if everywhere is None else everywhere, **windows}


def _comparison(editor: "Editor", results: "list[EditResult]", quiet: bool) -> "Image":
    """Source, edit and plain regeneration of each target, as in figure 3.1."""
    from wordbrush.visualise import comparison

    source = results[0].source
    rows = []
    with Progress("plain, for comparison", quiet, parts=len(results)) as progress:
        for result in results:
            plain = editor.regenerate(source, result.target, on_step=progress)
            row = [
                (f"source: {source.prompt}", source.image),
                (f"wordbrush: {result.target}", result.image),
                ("same prompt and seed, without wordbrush", plain.image),
            ]
            rows.append(row if result.blend_mask is None else [*row, ("white may change", result.blend_mask)])
            progress.next_part()
    return comparison(rows)


def _write_edits(results: "list[EditResult]", sheet: "Image | None", out: Path, quiet: bool) -> None:
    from wordbrush.png_text import save_plain_png

    written = list(dict.fromkeys(path for result in results for path in result.save(out)))
    if sheet is not None:
        written.append(out / "comparison.png")
        save_plain_png(sheet, written[-1])
    say_written(written, quiet)
