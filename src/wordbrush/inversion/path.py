"""A picture's path to noise: the schedule's steps, taken backwards."""

from collections.abc import Callable

import torch
from torch import Tensor

from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.rates import noisier


def ddim_path(task: InversionTask, tick: Callable[[], None]) -> tuple[Tensor, ...]:
    """Latents (1, C, h, w) before each step and after the last, from DDIM inversion with the source's text alone.

    Each step back uses the noise that the network sees in the latents after the step in place of the noise of the
    latents before it (Song et al. 2021, arXiv 2010.02502; Mokady et al. 2023, arXiv 2211.09794).
    """
    path = [task.latents]
    for timestep in task.timesteps.flip(0):
        path.append(back(task, path[-1], path[-1], timestep))
        tick()
    return tuple(reversed(path))


def back(task: InversionTask, after: Tensor, guess: Tensor, timestep: Tensor) -> Tensor:
    """The latents before a step: those `after` it with the noise that the network sees in a `guess` of the result."""
    noise = task.solver.split(task.predict(guess, timestep), timestep, guess).noise
    return noisier(after, noise, task.solver.rates_after(timestep), task.solver.rates(timestep))


def fixed_point(
    task: InversionTask, after: Tensor, timestep: Tensor, num_iterations: int, tolerance: float = 1e-6
) -> Tensor:
    """The latents before a step that leads to those `after` it, found by applying `back` to its own result.

    It ends early when the guess moves by less than `tolerance` times its norm, or when it moves no less than before.
    """
    guess, moved = back(task, after, after, timestep), float("inf")
    for _ in range(num_iterations):
        following = back(task, after, guess, timestep)
        moves = float(torch.linalg.vector_norm(following - guess))
        if moves >= moved:
            break
        guess, moved = following, moves
        if moved <= tolerance * float(torch.linalg.vector_norm(guess)):
            break
    return guess
