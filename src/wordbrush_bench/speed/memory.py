"""How much memory a run takes: what it allocates at its fullest, and how large its process grows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import profile


def allocation_peak(run: Callable[[], object], device: torch.device) -> int:
    """Bytes allocated at the fullest moment of a run, above what was there before it.

    On a CPU every allocation of PyTorch's allocator is added up in order, scratch space of kernels included; on CUDA
    its own counter is read.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(profile_memory=True) as profiler:
        run()
    results: Any = profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda event: int(event.start_ns())):
        held += event.nbytes()
        highest = max(highest, held)
    return highest


def process_peak(run: Callable[[], object]) -> tuple[int, int]:
    """Bytes that this process holds in memory before a run, and at its fullest during it (Linux)."""
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is held now
    run()
    return before, _status("VmHWM")


def can_measure_process() -> bool:
    """Whether this system tells a process its own high-water mark."""
    return Path("/proc/self/clear_refs").exists()


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))
