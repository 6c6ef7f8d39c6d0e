"""Runs timed in turns, so that a machine that slows down slows both sides of a ratio."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch


@dataclass(frozen=True)
class Spread:
    """The middle, the smallest and the largest of repeated ratios.

    >>> Spread.of([3.0, 1.0, 2.0])
    Spread(median=2.0, min=1.0, max=3.0)
    """

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        """As in a table."""
        return f"{self.median:.3f} ({self.min:.3f}-{self.max:.3f})"


def paired_ratios(taken: Sequence[float], plain: Sequence[float]) -> Spread:
    """The spread of ratios taken turn by turn.

    >>> paired_ratios([2.0, 6.0], [1.0, 2.0])
    Spread(median=2.5, min=2.0, max=3.0)
    """
    return Spread.of([mine / other for mine, other in zip(taken, plain, strict=True)])


def in_turns(
    runs: Mapping[str, Callable[[], object]], repeats: int, seconds_of: Callable[[Callable[[], object]], float]
) -> dict[str, list[float]]:
    """Seconds of each run and repeat: A B C, then B C A, so that none always follows the same one.

    >>> ran = []
    >>> runs = {name: (lambda name=name: ran.append(name)) for name in "ABC"}
    >>> seconds = in_turns(runs, 2, lambda run: (run(), 1.0)[1])
    >>> "".join(ran), seconds["C"]
    ('ABCBCA', [1.0, 1.0])
    """
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(seconds_of(runs[name]))
    return seconds


def seconds_of(device: torch.device) -> Callable[[Callable[[], object]], float]:
    """What times a run on a device: the GPU's own events, or the time that the CPU spent in this process.

    The process's time, in all its threads, leaves out what other programs of the machine take.
    """
    return _cuda_seconds if device.type == "cuda" else _process_seconds


def clock_of(device: torch.device) -> str:
    """What `seconds_of` reads, in words."""
    return "CUDA events" if device.type == "cuda" else "process time, all threads"


def _process_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _cuda_seconds(run: Callable[[], object]) -> float:
    event: Any = torch.cuda.Event
    start, end = event(enable_timing=True), event(enable_timing=True)
    start.record()
    run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000
