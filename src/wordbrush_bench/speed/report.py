"""The measurements as a table in Markdown, and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from wordbrush.json_form import to_plain
from wordbrush_bench.speed.comparisons import OURS, PLAIN
from wordbrush_bench.speed.measure import Machine, Measured, SpeedSettings
from wordbrush_bench.speed.process import ProcessPeak
from wordbrush_bench.speed.scaling import Curve

MEMORY_GOAL = 1.02


@dataclass(frozen=True)
class SpeedReport:
    """All that one command measured. `process` is of `process_case`, and empty where it cannot be measured."""

    command: str
    settings: SpeedSettings
    size: int
    machine: Machine
    cases: Mapping[str, Measured]
    process_case: str
    process: Mapping[str, ProcessPeak]
    curves: tuple[Curve, ...]

    def to_json(self) -> str:
        """Everything, every turn's seconds included."""
        return json.dumps(to_plain(self), indent=1) + "\n"


def markdown(report: SpeedReport, plots: Mapping[str, str]) -> str:
    """The tables; `plots` are the file names of the curves' pictures by curve."""
    settings, machine = report.settings, report.machine
    lines = [
        f"`{report.command}`",
        "",
        f"Model: {settings.shape or settings.model or 'bundled'}, {report.size} px, {settings.steps} steps, "
        f"{settings.dtype} on {settings.device} ({machine.processor}, {machine.threads} threads), {settings.repeats} "
        f"turns; seconds are {machine.clock}; ratios are taken turn by turn: median (min-max).",
        "Versions: " + ", ".join(f"{name} {number}" for name, number in machine.versions.items()) + ".",
        "",
    ]
    for part in (_time(report), _memory(report), _process(report), _apart(report), _curves(report, plots)):
        if part:
            lines += [*part, ""]
    return "\n".join(lines)


def missed(report: SpeedReport) -> list[str]:
    """The titles of the cases whose median misses its goal."""
    return [
        case.title for case in report.cases.values() if case.goal is not None and case.ratio[OURS].median > case.goal
    ]


def _time(report: SpeedReport) -> list[str]:
    if not report.cases:
        return []
    others = _variants(report)
    lines = [
        f"| what / plain | plain, s | {OURS} | goal | {' | '.join(others)} |",
        "|---" * (4 + len(others)) + "|",
    ]
    for case in report.cases.values():
        goal = "-" if case.goal is None else f"<= {case.goal:.2f}"
        cells = [str(case.ratio[name]) if name in case.ratio else "-" for name in others]
        plain = f"{median(case.seconds[PLAIN]):.3f}"
        lines.append(f"| {' | '.join([case.title, plain, str(case.ratio[OURS]), goal, *cells])} |")
    with_goal = sum(case.goal is not None for case in report.cases.values())
    over = missed(report)
    lines += ["", f"{with_goal - len(over)} of {with_goal} goals are met."]
    if over:
        lines[-1] += f" Missed: {'; '.join(over)}."
    return lines


def _memory(report: SpeedReport) -> list[str]:
    if not report.cases:
        return []
    others = [OURS, *_variants(report)]
    lines = [
        f"| peak memory above the loaded model / plain's | plain, MiB | {' | '.join(others)} |",
        "|---" * (2 + len(others)) + "|",
    ]
    for case in report.cases.values():
        held, plain = case.allocated, case.allocated[PLAIN]
        cells = [f"{held[name] / plain:.3f}" if name in held else "-" for name in others]
        lines.append(f"| {' | '.join([case.title, f'{plain / 2**20:.1f}', *cells])} |")
    return lines


def _process(report: SpeedReport) -> list[str]:
    if not report.process:
        return []
    plain = report.process[PLAIN].peak
    lines = [
        f"| whole process, {report.process_case} | loaded, MiB | peak, MiB | / plain (goal <= {MEMORY_GOAL}) |",
        "|---|---|---|---|",
    ]
    for variant, held in report.process.items():
        lines.append(f"| {variant} | {held.loaded / 2**20:.0f} | {held.peak / 2**20:.0f} | {held.peak / plain:.3f} |")
    return lines


def _apart(report: SpeedReport) -> list[str]:
    lines = []
    for other in sorted({name for case in report.cases.values() for name in case.apart}):
        found = [case.apart[other] for case in report.cases.values() if other in case.apart]
        edited, source = (max((apart.get(rows, 0.0) for apart in found), default=0.0) for rows in ("edited", "source"))
        lines.append(
            f"Latents of {OURS} and of {other} differ by at most {edited:.1e} where edited, and by {source:.1e} in "
            "the source beside them, which no edit touches."
        )
    return lines


def _curves(report: SpeedReport, plots: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for curve in report.curves:
        variants = [name for name in curve.points[0].ratio if name != PLAIN]
        lines += [f"| {curve.axis} | plain, s | {' | '.join(variants)} |", "|---" * (2 + len(variants)) + "|"]
        for point in curve.points:
            cells = [str(point.ratio[name]) for name in variants]
            lines.append(f"| {' | '.join([str(point.value), f'{point.seconds[PLAIN]:.3f}', *cells])} |")
        lines.append("")
        if curve.name in plots:
            lines += [f"![Cost against {curve.axis}]({plots[curve.name]})", ""]
    return lines[:-1]


def _variants(report: SpeedReport) -> list[str]:
    """The other programs, in the order of their first case."""
    return list(
        dict.fromkeys(name for case in report.cases.values() for name in case.ratio if name not in (PLAIN, OURS))
    )
