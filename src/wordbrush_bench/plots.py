"""Plots of a run, for print: light, and every interval is drawn."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordbrush.errors import MissingPackageError
from wordbrush.files import write_atomically
from wordbrush_bench.bootstrap import Mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1f5fa8", "#c8551b", "#2d7d46", "#8a4fa3", "#a3261b", "#6b6b74")


def need_matplotlib() -> None:
    """Raise `MissingPackageError` if matplotlib is not installed: call it before a long run, not after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingPackageError(
            "the plots of a benchmark need matplotlib; install it with: pip install 'wordbrush[bench]'"
        ) from None


def curves(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, Mean]]]], across: str, path: Path, width: float = 9.6
) -> None:
    """Draw curves with their intervals as bands.

    Args:
        panels: by title, and in each the curves by name; a point is a position and the mean there.
        across: the label of the horizontal axis.
        path: the PNG to write.
        width: inches; default 9.6.
    """
    figure, axes = _figure(len(panels), width, 3.3)
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, points in lines.items():
            colour = COLOURS[names.index(name) % len(COLOURS)]
            xs, means = [x for x, _ in points], [mean for _, mean in points]
            axis.plot(xs, [mean.value for mean in means], "o-", color=colour, label=name, markersize=4, linewidth=1.5)
            lows, highs = [mean.low for mean in means], [mean.high for mean in means]
            axis.fill_between(xs, lows, highs, color=colour, alpha=0.13, linewidth=0)
        axis.set_xlabel(across)
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xticks(sorted({x for points in lines.values() for x, _ in points}))
        axis.legend(frameon=False, fontsize=8)
    _save(figure, path)


def trade_offs(panels: Mapping[str, Mapping[str, tuple[Mean, Mean]]], across: str, up: str, path: Path) -> None:
    """Draw methods as points with their intervals as crosses.

    Args:
        panels: by title, and in each a pair of means by method; the second is a share from 0 to 1.
        across: the label of the horizontal axis, the first of a pair.
        up: the label of the vertical axis, the second of a pair.
        path: the PNG to write.
    """
    figure, axes = _figure(len(panels), 10.4, 4.6)
    names = list(dict.fromkeys(name for points in panels.values() for name in points))
    for axis, (title, points) in zip(axes, panels.items(), strict=True):
        axis.set_ylim(-0.03, 1.03)
        for name, (x, y) in points.items():
            number = names.index(name)  # the same mark in all panels
            colour = COLOURS[number % len(COLOURS)]
            axis.errorbar(
                x.value,
                y.value,
                xerr=[[x.value - x.low], [x.high - x.value]],
                yerr=[[y.value - y.low], [y.high - y.value]],
                fmt="os^Dv"[number // len(COLOURS) % 5],
                color=colour,
                elinewidth=0.6,
                markersize=5,
                label=name,
            )
        axis.set_xlabel(across)
        axis.set_ylabel(up)
        axis.set_title(title, fontsize=10, loc="left")
        axis.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    _save(figure, path)


def grid_of_means(panels: Mapping[str, Mapping[str, Sequence[Mean | None]]], names: Sequence[str], path: Path) -> None:
    """Draw tables of shares from 0 to 1, shaded.

    Args:
        panels: by title, and in each a row of means by method; None leaves a cell empty.
        names: the column headings.
        path: the PNG to write.
    """
    longest = max(len(rows) for rows in panels.values())
    figure, axes = _figure(len(panels), 12.0, 1.9 + 0.28 * longest)
    for axis, (title, rows) in zip(axes, panels.items(), strict=True):
        values = [[float("nan") if mean is None else mean.value for mean in row] for row in rows.values()]
        axis.imshow(values, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
        for y, row in enumerate(values):
            for x, value in enumerate(row):
                if value == value:
                    ink = "#ffffff" if value > 0.7 else "#222226"
                    axis.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7, color=ink)
        axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
        axis.set_yticks(range(len(rows)), list(rows), fontsize=8)
        axis.set_title(title, fontsize=10, loc="left")
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
    _save(figure, path)


def _figure(panels: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    need_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes: Any = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, list(axes)


def _save(figure: "Figure", path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
