"""The highest memory of a stretch of work above what was held before it."""

import gc
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """A context manager; afterwards `bytes` is the peak, or None where this system tells a process no such thing.

    On CUDA it is what PyTorch allocates, elsewhere what the process holds (Linux).

    >>> with PeakMemory("cpu") as peak:
    ...     _ = bytearray(1 << 26)
    >>> peak.bytes is None or peak.bytes > 1 << 25
    True
    """

    def __init__(self, device: str) -> None:
        """Measure on a device."""
        self._cuda = device.startswith("cuda")
        self._before = 0
        self.bytes: int | None = None

    def __enter__(self) -> Self:
        """Set the high-water mark back to what is held now."""
        gc.collect()
        if self._cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        elif _CLEAR.exists():
            _CLEAR.write_text("5")
            self._before = _status("VmRSS")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Read the mark."""
        if self._cuda:
            torch.cuda.synchronize()
            self.bytes = torch.cuda.max_memory_allocated() - self._before
        elif _CLEAR.exists():
            self.bytes = max(0, _status("VmHWM") - self._before)


def _status(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
