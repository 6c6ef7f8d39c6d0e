"""Every comparison measured: seconds in turns, memory, and how far the latents of the variants are apart."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.models.folder import resolve_folder
from wordbrush.models.load import choose_device
from wordbrush.models.processor import LARGE, weight_bytes
from wordbrush.peak import allocation_peak
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.versions import installed_versions
from wordbrush_bench.peers.community_p2p import CommunityPrompt2Prompt
from wordbrush_bench.peers.shared import SharedModel
from wordbrush_bench.shapes import SHAPES
from wordbrush_bench.speed.bench import SOURCE, Bench
from wordbrush_bench.speed.comparisons import COMMUNITY, OURS, PLAIN, TWIN, Comparison, comparisons
from wordbrush_bench.speed.journal import SpeedJournal
from wordbrush_bench.speed.timing import Spread, clock_of, in_turns, paired_ratios, seconds_of

SEED, GUIDANCE = 7, 7.5


@dataclass(frozen=True)
class SpeedSettings:
    """What is measured: `model` a folder or hub id (None: the bundled one) or `shape` an architecture.

    `size` is the side in pixels. `diffusers` is a checkout of diffusers, whose community pipeline then runs as well.
    """

    model: str | None
    shape: str | None
    steps: int
    size: int | None
    repeats: int
    device: str
    dtype: str
    diffusers: str | None = None


def speed_settings(
    model: str | None,
    shape: str | None,
    steps: int | None,
    size: int | None,
    repeats: int | None,
    device: str | None,
    dtype: str | None,
    diffusers: str | None,
) -> SpeedSettings:
    """Settings with defaults where nothing is given. A large shape is timed by few steps, a model by the picture.

    Raises `SettingsError` for an unknown shape, device or dtype.
    """
    if shape not in (None, *SHAPES):
        raise SettingsError(f"there is no shape '{shape:.40}'; there are {', '.join(SHAPES)}")
    large = shape is not None
    device, dtype = choose_device(device, dtype, LARGE if large else weight_bytes(resolve_folder(model)))
    return SpeedSettings(
        model,
        shape,
        steps or (3 if large else 20),
        size or (256 if large else None),
        repeats or (3 if large else 7),
        device,
        dtype,
        diffusers,
    )


@dataclass(frozen=True)
class Measured:
    """One comparison: per variant its seconds of each turn, their ratios to plain, and the bytes it allocates.

    `apart` is the largest difference of finished latents to those of each other program: of the edited pictures, and
    of the "source" beside them, which no edit touches, so that there it is the rounding of the kernels alone.
    """

    title: str
    goal: float | None
    seconds: Mapping[str, tuple[float, ...]]
    ratio: Mapping[str, Spread]
    allocated: Mapping[str, int]
    apart: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Machine:
    """Where it was measured, and with what versions; `clock` is what seconds are."""

    processor: str
    threads: int
    clock: str
    versions: Mapping[str, str]

    @classmethod
    def here(cls, device: str) -> "Machine":
        """This one."""
        kind = torch.device(device)
        name = torch.cuda.get_device_name() if kind.type == "cuda" else platform.processor() or platform.machine()
        return cls(name, torch.get_num_threads(), clock_of(kind), installed_versions())


def load_bench(settings: SpeedSettings) -> Bench:
    """The model with the settings of all its runs. Raises `ModelError` and `SettingsError`."""
    if settings.shape is not None:
        model = SharedModel.random(settings.shape, settings.device, settings.dtype)
    else:
        model = SharedModel.load(settings.model, settings.device, settings.dtype)
    community = None
    if settings.diffusers is not None:
        community = CommunityPrompt2Prompt(Path(settings.diffusers), model)
    size = settings.size or model.pixels
    return Bench(model, GenerationSettings(SOURCE, "", SEED, settings.steps, GUIDANCE, size, size), community)


def measure(
    bench: Bench,
    names: tuple[str, ...],
    repeats: int,
    journal: SpeedJournal,
    on_case: Callable[[int, int], None] | None = None,
) -> dict[str, Measured]:
    """Measure the named comparisons, or all, that the journal has not; `on_case` is told how many are done."""
    chosen = comparisons(bench, names)
    measured: dict[str, Measured] = {}
    for name, comparison in chosen.items():
        one = partial(measure_one, comparison, repeats, bench.model.adapter.device)
        measured[name] = journal.once(Measured, f"case {name}", one)
        if on_case is not None:
            on_case(len(measured), len(chosen))
    return measured


def measure_one(comparison: Comparison, repeats: int, device: torch.device) -> Measured:
    """Measure one comparison; every variant runs once before, to warm up."""
    outputs = {variant: run() for variant, run in comparison.runs.items()}
    seconds = in_turns(comparison.runs, repeats, seconds_of(device))
    return Measured(
        comparison.title,
        comparison.goal,
        {variant: tuple(taken) for variant, taken in seconds.items()},
        {variant: paired_ratios(taken, seconds[PLAIN]) for variant, taken in seconds.items()},
        {variant: allocation_peak(run, device) for variant, run in comparison.runs.items()},
        {other: _apart(outputs[OURS], outputs[other]) for other in (TWIN, COMMUNITY) if other in outputs},
    )


def _apart(ours: Tensor, other: Tensor) -> dict[str, float]:
    """Of latents (pictures, C, h, w): the other may begin with a source that ours has not."""
    apart = (ours - other[-len(ours) :]).abs().amax(dim=(1, 2, 3)).tolist()
    if len(ours) < len(other):
        return {"edited": max(apart)}
    return {"source": apart[0], **({"edited": max(apart[1:])} if len(apart) > 1 else {})}
