"""What an inversion cost, and how well the picture came back."""

from collections.abc import Mapping
from dataclasses import dataclass

from wordbrush.metrics.likeness import Likeness

_NOTABLE_DB = 3.0


@dataclass(frozen=True)
class InversionReport:
    """An inversion by `method` of so many steps.

    `reconstruction` compares the photograph with the source that edits start from, `autoencoder` with what the model's
    autoencoder alone makes of it: nothing can come back better than that. `model_calls` counts the network's calls and
    `model_rows` the rows of their batches. `peak_memory_bytes` is the most memory held so far: on a GPU what PyTorch
    allocated there, else the whole process (None where the system does not tell). `warnings` say what did not go well.
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
    """A report in names and values, in short."""
    return [
        ("method", report.method),
        ("came back", str(report.reconstruction)),
        ("autoencoder alone", str(report.autoencoder)),
        ("inverted in", f"{report.seconds:.1f} s, {report.model_calls} model calls"),
    ]


def reconstruction_warnings(method: str, back: Likeness, limit: Likeness) -> tuple[str, ...]:
    """A warning when a picture came back notably worse than the autoencoder alone gives it.

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
