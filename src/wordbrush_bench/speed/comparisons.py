"""What is compared: each case of an edit with plain pictures of the same number, at the same batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.shortcuts import FastName
from wordbrush.errors import SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush_bench.speed.bench import SOURCE, Bench

SWAPPED = "a cat eating an apple"
ADDED = "a big dog eating an apple"
THREE = (SWAPPED, "a dog eating an orange", "a cat eating an orange")
FEW_STEPS = 4

PLAIN, OURS, TWIN, PIPELINE = "plain", "wordbrush", "materialised", "StableDiffusionPipeline"
COMMUNITY = "diffusers community"

Run = Callable[[], Tensor]
"""Makes pictures, without decoding them: latents (pictures, C, h, w)."""


@dataclass(frozen=True)
class Comparison:
    """One comparison. `runs` always has "plain" and "wordbrush"; `goal` bounds their ratio where one is set.

    "materialised" and "diffusers community" make the source anew with each edit, as their code does.
    """

    title: str
    goal: float | None
    runs: Mapping[str, Run]


def comparisons(bench: Bench, names: Sequence[str]) -> dict[str, Comparison]:
    """The comparisons of the names, or all of them. Raises `SettingsError` for a name that there is not."""
    unknown = next((name for name in names if name not in _ALL), None)
    if unknown is not None:
        raise SettingsError(f"there is no case '{unknown:.40}'; there are {', '.join(_ALL)}")
    return {name: build(bench) for name, build in _ALL.items() if not names or name in names}


def case_names() -> tuple[str, ...]:
    """All there are, in the order of the table."""
    return tuple(_ALL)


def _plain(bench: Bench, *prompts: str) -> dict[str, Run]:
    return {PLAIN: partial(bench.plain, prompts), PIPELINE: partial(bench.pipeline, prompts)}


def _others(bench: Bench, kind: str, *targets: str) -> dict[str, Run]:
    twin: dict[str, Run] = {TWIN: partial(bench.materialised, kind, targets)}
    return twin if bench.community is None else {**twin, COMMUNITY: partial(bench.by_community, kind, targets)}


def _pair(bench: Bench, what: str, kind: str, *targets: str) -> Comparison:
    ours: dict[str, Run] = {OURS: partial(bench.together, targets)}
    number = f"source and {len(targets)} target{'s' * (len(targets) > 1)}"
    return Comparison(
        f"{number} ({what}) / {len(targets) + 1} pictures",
        1.05,
        {**_plain(bench, SOURCE, *targets), **ours, **_others(bench, kind, *targets)},
    )


def _later(bench: Bench, what: str, kind: str, target: str) -> Comparison:
    return Comparison(
        f"later edit ({what}) / 1 picture",
        1.05,
        {**_plain(bench, target), OURS: partial(bench.later, target), **_others(bench, kind, target)},
    )


def _later_from_latents(bench: Bench) -> Comparison:
    # The source's prompt without the negative one, in the window's part of the steps: 1 + 0.8 / 2 pictures.
    runs: dict[str, Run] = {**_plain(bench, SWAPPED), OURS: partial(bench.later_from_latents, SWAPPED)}
    return Comparison(
        "later edit (a word swapped; only latents kept) / 1 picture",
        1.45,
        {**runs, **_others(bench, "replace", SWAPPED)},
    )


def _photo(bench: Bench) -> Comparison:
    # The inversion's one row a step, then as an edit of kept latents: 1/2 + 1 + 0.8 / 2 pictures.
    return Comparison(
        "photograph, inverted and edited (a word swapped) / 1 picture",
        2.0,
        {**_plain(bench, SWAPPED), OURS: partial(bench.photo, SWAPPED)},
    )


def _later_photo(bench: Bench) -> Comparison:
    return Comparison(
        "later edit of a photograph (a word swapped) / 1 picture",
        1.45,
        {**_plain(bench, SWAPPED), OURS: partial(bench.later_of_photo, SWAPPED)},
    )


def _few_steps(bench: Bench) -> Comparison:
    few = replace(bench, settings=replace(bench.settings, num_inference_steps=FEW_STEPS, guidance_scale=1.0))
    return Comparison(
        f"source and 1 target (a word swapped; {FEW_STEPS} steps, no guidance) / 2 pictures",
        1.05,
        {**_plain(few, SOURCE, SWAPPED), OURS: partial(few.together, [SWAPPED])},
    )


def _blend(bench: Bench) -> Comparison:
    return Comparison(
        "source and 1 target (a word swapped, local blend) / 2 pictures",
        1.05,
        {
            **_plain(bench, SOURCE, SWAPPED),
            OURS: partial(bench.together, [SWAPPED], LocalBlend()),
            TWIN: partial(bench.materialised, "replace", [SWAPPED], blended=True),
        },
    )


def _later_blend(bench: Bench) -> Comparison:
    return Comparison(
        "later edit (a word swapped, local blend) / 1 picture",
        1.05,
        {
            **_plain(bench, SWAPPED),
            OURS: partial(bench.later, SWAPPED, LocalBlend()),
            TWIN: partial(bench.materialised, "replace", [SWAPPED], blended=True),
        },
    )


def _later_quick(bench: Bench, fast: FastName, goal: float) -> Comparison:
    return Comparison(
        f"later edit (a word swapped, in a seventh of the picture, fast='{fast}') / 1 picture",
        goal,
        {**_plain(bench, SWAPPED), OURS: partial(bench.later, SWAPPED, bench.middle(1 / 7), fast)},
    )


def _keep(bench: Bench) -> Comparison:
    return Comparison(
        "source, kept for later edits / 1 picture", None, {**_plain(bench, SOURCE), OURS: bench.kept_source}
    )


def _maps(bench: Bench, title: str, request: MapsRequest) -> Comparison:
    return Comparison(
        f"{title} / 1 picture",
        1.05,
        {**_plain(bench, SOURCE), OURS: partial(bench.seen, request), TWIN: bench.stored},
    )


_ALL: Mapping[str, Callable[[Bench], Comparison]] = {
    "swap": lambda bench: _pair(bench, "a word swapped", "replace", SWAPPED),
    "add": lambda bench: _pair(bench, "a word added", "refine", ADDED),
    "three": lambda bench: _pair(bench, "words swapped", "replace", *THREE),
    "later-swap": lambda bench: _later(bench, "a word swapped", "replace", SWAPPED),
    "later-add": lambda bench: _later(bench, "a word added", "refine", ADDED),
    "later-latents": _later_from_latents,
    "photo": _photo,
    "later-photo": _later_photo,
    "few-steps": _few_steps,
    "blend": _blend,
    "later-blend": _later_blend,
    "later-balanced": lambda bench: _later_quick(bench, "balanced", 0.5),
    "later-fast": lambda bench: _later_quick(bench, "fast", 0.3),
    "keep": _keep,
    "maps-word": lambda bench: _maps(bench, "the maps of a word", MapsRequest("dog")),
    "maps-all": lambda bench: _maps(bench, "the maps of every word, each step apart", MapsRequest(per_step=True)),
}
