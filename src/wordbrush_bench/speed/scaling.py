"""How an edit's cost grows: with the size of the picture, the number of targets, the number of steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from wordbrush_bench.speed.bench import SOURCE, Bench
from wordbrush_bench.speed.comparisons import COMMUNITY, OURS, PLAIN, SWAPPED, TWIN, Run
from wordbrush_bench.speed.journal import SpeedJournal
from wordbrush_bench.speed.timing import Spread, in_turns, paired_ratios, seconds_of

TARGETS = (
    "a cat eating an apple",
    "a dog eating an orange",
    "a cat eating an orange",
    "a bear eating an apple",
    "a bear eating an orange",
    "a dog riding an orange",
    "a cat riding an apple",
    "a bear riding an orange",
)
"""Prompts of as many tokens as the source's, for edits of several targets."""


@dataclass(frozen=True)
class Point:
    """One measurement: median seconds of each variant and their ratios to plain, at one value of an axis."""

    value: int
    seconds: Mapping[str, float]
    ratio: Mapping[str, Spread]


@dataclass(frozen=True)
class Curve:
    """What an edit costs along one axis; `axis` names it, with its unit."""

    name: str
    axis: str
    points: tuple[Point, ...]


def scaling(
    bench: Bench,
    sizes: Sequence[int],
    targets: Sequence[int],
    steps: Sequence[int],
    repeats: int,
    journal: SpeedJournal,
    on_point: Callable[[int, int], None] | None = None,
) -> tuple[Curve, ...]:
    """Measure a source and its edits in one batch along each axis that has values, all else as in `bench`.

    Points that the journal has are not measured again.
    """
    settings = bench.settings
    planned: list[tuple[str, str, int, Bench, Sequence[str]]] = []
    for size in sizes:
        there = replace(bench, settings=replace(settings, height=size, width=size))
        planned.append(("size", "side of the picture, pixels", size, there, [SWAPPED]))
    for count in targets:
        planned.append(("targets", "number of targets", count, bench, TARGETS[:count]))
    for number in steps:
        there = replace(bench, settings=replace(settings, num_inference_steps=number))
        planned.append(("steps", "denoising steps", number, there, [SWAPPED]))
    curves: dict[str, Curve] = {}
    for done, (name, axis, value, there, prompts) in enumerate(planned, start=1):
        before = curves.get(name, Curve(name, axis, ()))
        point = journal.once(Point, f"{name} {value}", partial(_point, there, value, prompts, repeats))
        curves[name] = replace(before, points=(*before.points, point))
        if on_point is not None:
            on_point(done, len(planned))
    return tuple(curves.values())


def _point(bench: Bench, value: int, targets: Sequence[str], repeats: int) -> Point:
    runs: dict[str, Run] = {
        PLAIN: partial(bench.plain, [SOURCE, *targets]),
        OURS: partial(bench.together, targets),
        TWIN: partial(bench.materialised, "replace", targets),
    }
    if bench.community is not None:
        runs[COMMUNITY] = partial(bench.by_community, "replace", targets)
    for run in runs.values():
        run()  # to warm up
    seconds = in_turns(runs, repeats, seconds_of(bench.model.adapter.device))
    return Point(
        value,
        {variant: median(taken) for variant, taken in seconds.items()},
        {variant: paired_ratios(taken, seconds[PLAIN]) for variant, taken in seconds.items()},
    )
