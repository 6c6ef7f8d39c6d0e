"""What a run was made with, for the head of its reports."""

import os
import platform
from pathlib import Path

import torch

from wordbrush.editor import Editor
from wordbrush.versions import installed_versions


def depends_on(editor: Editor, benchmark: str) -> dict[str, object]:
    """What all rows of a run depend on: a run is gone on with only where all this is the same."""
    return {
        "benchmark": benchmark,
        "model": editor.model.name,
        "fingerprint": editor.model.fingerprint,
        "dtype": editor.model.dtype,
        "device": editor.model.device,
        "hardware": hardware(editor.model.device),
        "versions": installed_versions(),
    }


def hardware(device: str) -> str:
    """The processor that a device is, in words, and how much of it is used."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"{_processor()}, {torch.get_num_threads()} of {os.cpu_count()} threads"


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
