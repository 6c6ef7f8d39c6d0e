"""What commands on a photograph share: which file is meant, and how it becomes a source."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wordbrush.cli.flags import PhotoFlags
from wordbrush.cli.output import say
from wordbrush.cli.progress import Progress
from wordbrush.cli.values import path
from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush.inversion.report import InversionReport
    from wordbrush.inversion.settings import InversionSettings
    from wordbrush.runs.cache import InversionCache
    from wordbrush.runs.results import Source
    from wordbrush.sampling.settings import GenerationOptions

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".heic", ".avif", ".gif", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class PhotoTask:
    """A photograph, what it is said to show (None: not said), and how it is to be inverted: None for the model's own
    method, with `settings`.
    """

    file: Path
    prompt: str | None
    inversion: "InversionSettings | None"
    settings: "Mapping[str, int | float | str]"
    captioner: Path | None
    cache: "InversionCache | None"

    @classmethod
    def of(cls, file: Path, flags: PhotoFlags, options: "GenerationOptions") -> "PhotoTask":
        """Check a command's options before any model is loaded. Raises `SettingsError`."""
        if "sampler" in options:
            raise SettingsError("--sampler does not go with a photograph, which is inverted by DDIM; leave it out")
        if "source_adapters" in options:
            raise SettingsError(
                "--source-lora is of a picture that is drawn, and a photograph is inverted with every --lora that no "
                "--target-lora names; leave it out"
            )
        inversion, settings = flags.inversion()
        return cls(file, flags.prompt, inversion, settings, flags.captioner, flags.cache())


def photo_of_edit(source: str | None, photo: Path | None, option: str | None) -> tuple[Path | None, str | None]:
    """Which file `edit` is to edit, if any, and what is left of its first argument.

    `--photo FILE` names it; so does the first argument where an `option` is given that only a photograph has. A prompt
    is never taken for a file, nor a file for a prompt. Raises `SettingsError`.

    >>> photo_of_edit("a dog", Path("cat.jpg"), None)[1]
    'a dog'
    """
    if photo is not None:
        return photo, source
    if option is not None:
        if source is None:
            raise SettingsError(f"{option} is about a photograph, and none is given; add --photo FILE")
        return path("SOURCE", source), None
    if source is not None and source.lower().endswith(_ENDINGS) and (Path(source).is_file() or " " not in source):
        raise SettingsError(
            f"'{source}' looks like a file, not like a prompt; to edit it add --source-prompt 'what it shows', "
            "to draw those words put a space after them"
        )
    return None, source


def invert_photo(editor: "Editor", task: PhotoTask, options: "GenerationOptions", quiet: bool) -> "Source":
    """Read and invert a photograph, and say what was done to it."""
    from wordbrush.inversion.settings import InversionSettings
    from wordbrush.pictures.read import read_photo

    inversion = task.inversion or InversionSettings.parse(editor.model.defaults.inversion, task.settings)

    photo = read_photo(task.file)
    for note in photo.notes:
        say(f"{photo.named}: {note}", quiet)
    prompt = task.prompt
    if prompt is None and task.captioner is not None:
        from wordbrush.models.captioner import caption

        prompt = caption(task.captioner, photo.image)
        say(f"it shows, says the captioner: {prompt}", quiet)
    with Progress("inverting", quiet) as progress:
        source = editor.invert(
            photo,
            prompt or "",
            method=inversion,
            cache=task.cache,
            on_step=progress,
            **cast(dict[str, Any], options),
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
