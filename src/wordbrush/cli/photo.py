"""What commands on a photograph share: their options, and how it becomes a source."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wordbrush.cli.options import say
from wordbrush.cli.progress import Progress
from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush.inversion.report import InversionReport
    from wordbrush.inversion.settings import InversionSettings
    from wordbrush.runs.cache import InversionCache
    from wordbrush.runs.results import Source

METHODS = "direct, ddim, null-text, negative-prompt, edit-friendly, fixed-point or virtual"

Settings = Annotated[list[str] | None, typer.Option("--setting", help="NAME=VALUE: one of the method's own settings.")]
Captioner = Annotated[Path | None, typer.Option(help="Folder of a BLIP model that says what the photo shows.")]
CacheDir = Annotated[Path | None, typer.Option(help="Where inversions are kept; the platform's cache.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no inversion, and take none.")]

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".heic", ".avif", ".gif", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class PhotoChoice:
    """A photograph as a command names it, what it is said to show (None: not said), and how it is to be inverted."""

    file: str
    prompt: str | None
    inversion: "InversionSettings"
    captioner: Path | None
    cache: "InversionCache | None"


def photo_choice(
    file: str,
    prompt: str | None,
    method: str,
    settings: list[str] | None,
    captioner: Path | None,
    cache: "InversionCache | None",
) -> PhotoChoice:
    """Check a command's options before any model is loaded. Raises `SettingsError`."""
    from wordbrush.inversion.settings import InversionSettings

    inversion = InversionSettings.parse(method, _parsed(settings or []))
    return PhotoChoice(file, prompt, inversion, captioner, cache)


def chosen_cache(folder: Path | None, no_cache: bool) -> "InversionCache | None":
    """The cache of a command: on unless told otherwise."""
    from wordbrush.runs.cache import InversionCache

    if no_cache and folder is not None:
        raise SettingsError("--no-cache and --cache-dir do not go together; give one of them")
    return None if no_cache else InversionCache(folder)


def photo_of_edit(
    source: str | None, photo: str | None, needs_photo: dict[str, bool]
) -> tuple[str | None, str | None]:
    """Which file `edit` is to edit, if any, and what is left of its first argument.

    `--photo FILE` names it; so does the first argument where an option is given that only a photograph has. A prompt
    is never taken for a file, nor a file for a prompt. Raises `SettingsError`.

    >>> photo_of_edit("cat.jpg", None, {"--invert": True})
    ('cat.jpg', None)
    >>> photo_of_edit("a dog", "cat.jpg", {})
    ('cat.jpg', 'a dog')
    """
    if photo is not None:
        return photo, source
    option = next((name for name, given in needs_photo.items() if given), None)
    if option is not None:
        if source is None:
            raise SettingsError(f"{option} is about a photograph, and none is given; add --photo FILE")
        return source, None
    if source is not None and source.lower().endswith(_ENDINGS) and (Path(source).is_file() or " " not in source):
        raise SettingsError(
            f"'{source}' looks like a file, not like a prompt; to edit it add --source-prompt 'what it shows', "
            "to draw those words put a space after them"
        )
    return None, source


def invert_photo(
    editor: "Editor",
    choice: PhotoChoice,
    *,
    seed: int,
    steps: int | None,
    guidance: float | None,
    negative: str,
    size: tuple[int, int] | None,
    quiet: bool,
) -> "Source":
    """Read and invert a photograph, and say what was done to it."""
    from wordbrush.pictures.read import read_photo

    photo = read_photo(choice.file)
    for note in photo.notes:
        say(f"{photo.named}: {note}", quiet)
    prompt = choice.prompt
    if prompt is None and choice.captioner is not None:
        from wordbrush.models.captioner import caption

        prompt = caption(choice.captioner, photo.image)
        say(f"it shows, says the captioner: {prompt}", quiet)
    settings: dict[str, Any] = dict(choice.inversion.settings)
    with Progress("inverting", quiet) as progress:
        source = editor.invert(
            photo,
            prompt or "",
            method=choice.inversion.method,
            seed=seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
            negative_prompt=negative,
            size=size,
            cache=choice.cache,
            on_step=progress,
            **settings,
        )
    for note in source.notes[len(photo.notes) :]:
        say(note, quiet)
    assert source.report is not None
    for line in report_lines(source.report):
        say(line, quiet)
    return source


def report_lines(report: "InversionReport") -> list[str]:
    """A report as a command prints it."""
    calls = f"{report.model_calls} model calls of {report.model_rows} rows in all"
    peak = report.peak_memory_bytes
    memory = "" if peak is None else f", {peak / (1 << 20):.0f} MiB at most"
    return [
        f"{report.method}, {report.num_steps} steps: {report.seconds:.1f} s, {calls}{memory}",
        f"came back: {report.reconstruction}; the autoencoder alone: {report.autoencoder}",
    ]


def _parsed(settings: list[str]) -> dict[str, int | float | str]:
    parsed: dict[str, int | float | str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name.isidentifier() or name in parsed:
            raise SettingsError(f"--setting '{setting:.60}' is not NAME=VALUE, once each; write --setting skip=0.36")
        parsed[name] = _number(value.strip())
    return parsed


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
