"""How much memory work takes at its fullest: of a GPU what PyTorch allocates, else what the process holds."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch.autograd.profiler import profile

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """A context manager that measures a block of code on a device.

    Afterwards `before` is what was held when it began, `highest` the most that was held, `bytes` the difference: in
    bytes, all None where the system does not tell (a CPU without Linux). It resets the high-water mark of the process
    or the GPU, so it is for programs that measure and not for use inside of a library call.

    >>> with PeakMemory("cpu") as peak:
    ...     _ = bytearray(1 << 28)
    >>> peak.bytes is None or peak.bytes > 1 << 25
    True
    """

    def __init__(self, device: str | torch.device) -> None:
        """Measure on a device, such as "cpu" or "cuda"."""
        self._device = torch.device(device)
        self.before: int | None = None
        self.highest: int | None = None

    @property
    def bytes(self) -> int | None:
        """The peak above what was held before."""
        return None if self.before is None or self.highest is None else max(0, self.highest - self.before)

    def __enter__(self) -> Self:
        """Set the high-water mark to what is held now."""
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            torch.cuda.reset_peak_memory_stats(self._device)
            self.before = torch.cuda.memory_allocated(self._device)
        elif can_measure_process():
            _CLEAR.write_text("5")
            self.before = _status("VmRSS")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Read the mark."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self.highest = None if self.before is None else highest_bytes(self._device)


def highest_bytes(device: torch.device) -> int | None:
    """The most memory held so far, in bytes, since the process began or its mark was reset; None where unknown.

    On a GPU it is what PyTorch allocated there, else what the whole process held.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if _STATUS.exists():
        return _status("VmHWM")
    try:
        import resource
    except ImportError:  # Windows
        return None
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def allocation_peak(run: Callable[[], object], device: torch.device) -> int:
    """The most bytes that PyTorch has allocated during a run, above what was allocated before.

    On a CPU every allocation of PyTorch's allocator is added up in order, scratch space of kernels included.
    """
    if device.type == "cuda":
        with PeakMemory(device) as peak:
            run()
        assert peak.bytes is not None
        return peak.bytes
    with profile(profile_memory=True) as profiler:
        run()
    results: Any = profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda event: int(event.start_ns())):
        held += event.nbytes()
        highest = max(highest, held)
    return highest


def can_measure_process() -> bool:
    """Whether this system lets a process reset its own high-water mark (Linux)."""
    return _CLEAR.exists()


def _status(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
