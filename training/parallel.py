"""Several processes train as one: each on batches of its own, all with the mean of their gradients.

Start them with `torchrun --nproc-per-node 2 -m training ...`. On a CPU this is how cores are used:
two threads in one process hardly train faster than one, two processes of one thread nearly twice as fast.
"""

import atexit
import os
from collections.abc import Sequence

import torch
from torch import distributed, nn


def join() -> None:
    """Join the processes that torchrun started, each on a core of its own; alone, do nothing."""
    if "WORLD_SIZE" not in os.environ or distributed.is_initialized():
        return
    distributed.init_process_group("gloo")
    # At the interpreter's end its threads may outlive what they use: a process would abort after its work is done.
    atexit.register(distributed.destroy_process_group)
    # Left to itself, Linux at times puts both on one core; elsewhere there is no such call.
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) >= count():
        os.sched_setaffinity(0, {cores[rank()]})


def rank() -> int:
    """The number of this process among those that train together."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Give every process the mean of all gradients; one message carries them."""
    if count() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= count()
    means = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
