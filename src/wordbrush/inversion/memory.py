"""The most memory that was used, where it can be measured."""

import sys

import torch


def forget_peak(device: torch.device) -> None:
    """Start to measure anew, on a GPU."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int | None:
    """The highest use of a GPU since `forget_peak`, else of this process so far; None where the system is silent."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
