"""A probe as a picture: a bar for each block, how much a picture needs it beside how well its maps show words."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wordbrush.errors import MissingPackageError
from wordbrush.files import write_atomically
from wordbrush.probe.report import BlockReport, Measured, ProbeReport

_CHOSEN, _OTHER, _INK = "#1f5fa8", "#b9c8da", "#222226"


def need_matplotlib() -> None:
    """Raise `MissingPackageError` if matplotlib is not installed: call it before the probe, not after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingPackageError(
            "the chart of a probe needs matplotlib; install it with: pip install 'wordbrush[probe]'"
        ) from None


def draw_chart(report: ProbeReport, path: Path) -> None:
    """Write a chart as PNG or SVG, by the ending of `path`. Dark are the blocks in which words are to be read and
    layouts held; lines are one standard error to each side.
    """
    need_matplotlib()
    from matplotlib.figure import Figure

    blocks = report.blocks
    figure = Figure(figsize=(9.6, 1.5 + 0.27 * len(blocks)), dpi=150, layout="constrained")
    needed, shown = figure.subplots(1, 2, sharey=True)
    words, layout = set(report.layers.words or report.own_layers), set(report.layers.layout)
    _bars(needed, blocks, [block.change for block in blocks], [bool(layout & set(b.image_layers)) for b in blocks])
    _bars(shown, blocks, [block.agreement for block in blocks], [bool(words & set(b.text_layers)) for b in blocks])
    needed.set_title("Change without the block", fontsize=10, loc="left")
    needed.set_xlabel("1 - SSIM to the whole model's picture", fontsize=8)
    shown.set_title("Agreement of its word maps", fontsize=10, loc="left")
    shown.set_xlabel("with where dropping the word acts (area under the ROC curve)", fontsize=8)
    shown.axvline(0.5, color=_INK, linewidth=0.8, linestyle=":")
    shown.set_xlim(0, 1)
    shown.text(0.49, len(blocks) - 0.5, "chance", fontsize=7, ha="right", va="bottom", color=_INK)
    readings = sum(map(len, report.words.values())) * len(report.pictures) // len(report.words)
    made = f"{len(report.pictures)} pictures, {readings} readings of words"
    figure.suptitle(f"{report.model}: {made}; dark: words and layouts are read here", fontsize=10)
    buffer = io.BytesIO()
    kind = "svg" if path.suffix.lower() == ".svg" else "png"
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    write_atomically(path, buffer.getvalue())


def _bars(
    axes: Any, blocks: Sequence[BlockReport], measured: Sequence[Measured | None], chosen: Sequence[bool]
) -> None:
    for place, (one, dark) in enumerate(zip(measured, chosen, strict=True)):
        if one is not None:
            colour = _CHOSEN if dark else _OTHER
            axes.barh(place, one.mean, color=colour, xerr=one.error, error_kw={"elinewidth": 1, "ecolor": _INK})
    axes.set_yticks(range(len(blocks)), [_short(block.block) for block in blocks], fontsize=8)
    axes.set_ylim(len(blocks) - 0.4, -0.8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _short(block: str) -> str:
    """What tells a block apart.

    >>> _short("up_blocks.1.attentions.0.transformer_blocks.0"), _short("single_transformer_blocks.3")
    ('up.1.0', 'single.3')
    >>> _short("mid_block.attentions.0.transformer_blocks.0"), _short("transformer_blocks.7")
    ('mid.0', '7')
    """
    block = block.removesuffix(".transformer_blocks.0") if "attentions" in block else block
    for part in ("_transformer_blocks", "transformer_blocks.", "_blocks", "_block", "attentions."):
        block = block.replace(part, "")
    return block
