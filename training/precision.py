"""Which numbers networks compute with: half precision where the processor has it, full where it would be slow."""

from contextlib import AbstractContextManager

import torch


def half_is_fast(device: str) -> bool:
    """Whether bfloat16 has instructions of its own; emulated, a step takes up to 75 times as long as in float32."""
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def autocast(device: str) -> AbstractContextManager[object]:
    """Let matrix products run in bfloat16 where that is fast."""
    return torch.autocast(device, torch.bfloat16, enabled=half_is_fast(device))
