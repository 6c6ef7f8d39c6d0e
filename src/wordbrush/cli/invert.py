"""`wordbrush invert`: how well a photograph comes back, by one method."""

from pathlib import Path
from typing import Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.flags import PHOTO, GenerationFlags, PhotoFlags, RunFlags
from wordbrush.cli.load import load_for_one_run
from wordbrush.cli.output import say, say_written, warn, warn_of_unknown_words
from wordbrush.cli.photo import PhotoTask, invert_photo
from wordbrush.files import check_writable, write_atomically

FIRST = ("prompt", "method", "num_inference_steps", "guidance_scale", "out")


def invert(
    photo: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP file.")],
    inversion: PhotoFlags = PhotoFlags(),
    lpips: Annotated[
        Path | None, flag("--lpips", help="SqueezeNet's weights (safetensors): also LPIPS.", group=PHOTO)
    ] = None,
    generation: GenerationFlags = GenerationFlags(),
    run: RunFlags = RunFlags(out=Path("wordbrush-invert")),
) -> None:
    """Invert PHOTO, and say how well it comes back: source.png, report.json and record.json."""
    import json

    from wordbrush.json_form import to_plain

    made = generation.options()
    task = PhotoTask.of(photo, inversion, made)
    check_writable(run.out)
    editor = load_for_one_run(run)
    warn_of_unknown_words(editor, [inversion.prompt or "", generation.negative_prompt])
    source = invert_photo(editor, task, made, run.quiet)
    report = to_plain(source.report)
    assert isinstance(report, dict)  # the plain form of a dataclass
    if lpips is not None:
        from wordbrush.metrics.lpips import Lpips

        report["lpips"] = Lpips.load(lpips).between(source.original, source.image)
    written = [*source.save(run.out), run.out / "report.json"]
    write_atomically(written[-1], (json.dumps(report, indent=2) + "\n").encode())
    for warning in source.record.warnings:
        warn(warning)
    if lpips is not None:
        say(f"LPIPS of what came back (SqueezeNet, lower is better): {report['lpips']:.4f}", run.quiet)
    say_written(written, run.quiet)
