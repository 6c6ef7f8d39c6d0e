"""Where a pipeline computes, asked often."""

from typing import Any

import torch
from torch import nn


def execution_device(pipeline: Any, network: nn.Module) -> torch.device:
    """The device of a pipeline's network: where its weights are, or where hooks that offload them bring them.

    The pipeline's own answer walks through all modules of all its parts, several times: it is asked only where a hook
    stands on the network.
    """
    if _has_offloading_hook(network):
        device: torch.device = pipeline._execution_device
        return device
    return next(network.parameters()).device


def _has_offloading_hook(network: nn.Module) -> bool:
    """Whether accelerate or diffusers move any part. `modules` and `hasattr` are slow."""
    unseen: list[nn.Module | None] = [network]
    while unseen:
        if (module := unseen.pop()) is not None:
            if "_hf_hook" in module.__dict__ or "_diffusers_hook" in module.__dict__:
                return True
            unseen += module._modules.values()
    return False
