"""Curves of cost as pictures; needs matplotlib."""

from io import BytesIO
from typing import Any

from wordbrush_bench.speed.comparisons import COMMUNITY, OURS, PLAIN, TWIN
from wordbrush_bench.speed.scaling import Curve

_LOOKS = {PLAIN: ("#555555", "--"), OURS: ("#0072b2", "-"), TWIN: ("#d55e00", "-"), COMMUNITY: ("#009e73", "-")}
"""Colour and line of each variant; the colours are told apart by those who see few (Okabe and Ito 2008)."""


def curve_png(curve: Curve, title: str) -> bytes:
    """Seconds and ratios to plain along a curve's axis, side by side, as a PNG; bars are smallest and largest."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    seconds, ratios = figure.subplots(1, 2)
    values = [point.value for point in curve.points]
    for variant, (colour, line) in _LOOKS.items():
        if variant not in curve.points[0].seconds:
            continue
        look: dict[str, Any] = {"color": colour, "linestyle": line, "marker": "o", "markersize": 4, "label": variant}
        seconds.plot(values, [point.seconds[variant] for point in curve.points], **look)
        if variant != PLAIN:
            spreads = [point.ratio[variant] for point in curve.points]
            below = [spread.median - spread.min for spread in spreads]
            above = [spread.max - spread.median for spread in spreads]
            ratios.errorbar(values, [spread.median for spread in spreads], yerr=[below, above], capsize=3, **look)
    ratios.axhline(1, color=_LOOKS[PLAIN][0], linestyle=_LOOKS[PLAIN][1], linewidth=1)
    for axes, label in ((seconds, "seconds"), (ratios, "ratio to plain")):
        axes.set(xlabel=curve.axis, ylabel=label, xticks=values)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    seconds.set_ylim(bottom=0)
    figure.suptitle(title, fontsize=10)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
