"""`wordbrush invert`: how well a photograph comes back, by one method."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.load import load_for_one_run
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
)
from wordbrush.cli.values import picture_size
from wordbrush.files import check_writable, write_atomically

if TYPE_CHECKING:
    from wordbrush.runs.results import Source


def invert(
    photo: Annotated[str, typer.Argument(help="A PNG, JPEG or WebP file.")],
    prompt: Annotated[str | None, typer.Option(help="What the photo shows; empty if not given.")] = None,
    method: Annotated[str, typer.Option(help=f"{METHODS}.")] = "direct",
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
    lpips: Annotated[Path | None, typer.Option(help="SqueezeNet's weights (safetensors): also LPIPS.")] = None,
    out: Out = Path("wordbrush-invert"),
    quiet: Quiet = False,
) -> None:
    """Invert PHOTO, and say how well it comes back: source.png, report.json and record.json."""
    import json

    from wordbrush.json_form import to_plain

    pixels = picture_size(size)
    choice = photo_choice(photo, prompt, method, setting, captioner, chosen_cache(cache_dir, no_cache))
    check_writable(out)
    editor = load_for_one_run(model, device, dtype)
    warn_of_unknown_words(editor, [prompt or "", negative])
    source = invert_photo(
        editor, choice, seed=seed, steps=steps, guidance=guidance, negative=negative, size=pixels, quiet=quiet
    )
    for warning in source.record.warnings:
        typer.echo(f"warning: {warning}", err=True)
    report = to_plain(source.report)
    assert isinstance(report, dict)  # a dataclass is told by its fields
    if lpips is not None:
        distance = _lpips(lpips, source)
        report = {**report, "lpips": distance}
        say(f"LPIPS of what came back (SqueezeNet, lower is better): {distance:.4f}", quiet)
    written = source.save(out)
    written.append(out / "report.json")
    write_atomically(written[-1], (json.dumps(report, indent=2) + "\n").encode())
    say_written(written, quiet)


def _lpips(weights: Path, source: "Source") -> float:
    """How far what came back is from the photograph, both at its own size."""
    import numpy as np
    import torch

    from wordbrush.metrics.lpips import Lpips

    assert source.photo is not None  # it was inverted
    pictures = [
        torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255
        for image in (source.photo, source.image)
    ]
    return Lpips.load(weights).distance(*pictures)
