"""What an inversion cost, and how well the picture came back."""

from collections.abc import Mapping
from dataclasses import dataclass

from wordbrush.metrics.likeness import Likeness

_NOTABLE_DB = 3.0


@dataclass(frozen=True)
class InversionReport:
    """What an inversion cost, and how well the photograph came back.

    - `method`: the method's name.
    - `num_steps`: the number of steps that edits of it have.
    - `seconds`: the time that it took, in seconds, the encoding of the photograph included.
    - `model_calls`, `model_rows`: how often the network was called, and the rows of these calls' batches in all.
    - `peak_memory_bytes`: the highest memory use so far, in bytes: PyTorch's allocations on a GPU, else the whole
      process; None if the system does not report it.
    - `reconstruction`: how close the source that edits start from is to the photograph.
    - `autoencoder`: the same for the photograph after the model's autoencoder alone, which no inversion can beat.
    - `warnings`: what did not go well, a sentence each.

    >>> from wordbrush import Editor
    >>> editor = Editor.from_pretrained()
    >>> photo = editor.generate("a dog", num_inference_steps=2).image
    >>> report = editor.invert(photo, "a dog", method="direct", num_inference_steps=2).report
    >>> report.method, report.model_calls
    ('direct', 2)
    """

    method: str
    num_steps: int
    seconds: float
    model_calls: int
    model_rows: int
    peak_memory_bytes: int | None
    reconstruction: Likeness
    autoencoder: Likeness
    warnings: tuple[str, ...]


def report_facts(report: InversionReport) -> list[tuple[str, str]]:
    """A report as names and values, in brief."""
    return [
        ("method", report.method),
        ("came back", str(report.reconstruction)),
        ("autoencoder alone", str(report.autoencoder)),
        ("inverted in", f"{report.seconds:.1f} s, {report.model_calls} model calls"),
    ]


def reconstruction_warnings(method: str, back: Likeness, limit: Likeness) -> tuple[str, ...]:
    """A warning if a picture came back notably worse than from the autoencoder alone.

    >>> reconstruction_warnings("ddim", Likeness(17.2, 0.6), Likeness(26.1, 0.9))[0]
    "the picture did not come back: 17.2 dB where the autoencoder alone gives 26.1; try method='direct'"
    """
    if back.psnr is None or (limit.psnr is not None and back.psnr >= limit.psnr - _NOTABLE_DB):
        return ()
    alone = "an equal picture" if limit.psnr is None else f"{limit.psnr:.1f}"
    advice: Mapping[str, str] = {
        "fixed-point": "give more steps or iterations, or method='direct'",
        "null-text": "give more inner steps, or method='direct'",
    }
    remedy = advice.get(method, "try method='direct'")
    return (f"the picture did not come back: {back.psnr:.1f} dB where the autoencoder alone gives {alone}; {remedy}",)
