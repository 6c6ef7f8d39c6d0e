"""`flow-edit`: no inversion; the difference of two velocities (Kulikov et al. 2024, FlowEdit, arXiv 2412.08629)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.inversion.method import Inversion, check_skip, check_source_guidance
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.rates import Split, mixed
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape


@dataclass(frozen=True, eq=False)
class VelocityDifference(Steering):
    """A target moves with the source's noised picture, and also by the difference between its velocity and the
    source's.

    `path` (steps + 1, C, h, w) holds the source's latents, noised independently at each step; `velocities` (steps, C,
    h, w) holds the network's velocities for them. A target's latents are its picture so far, under the noise of the
    source.
    """

    path: Tensor
    velocities: Tensor

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """One Euler step of the difference (paper, algorithm 1), and the move from the source's noise to its next."""
        width = solver.rates_after(timestep).noise - solver.rates(timestep).noise
        moved = width * (predicted.guided() - self.velocities[step])
        return latents + moved + (self.path[step + 1] - self.path[step])

    def tensors(self) -> dict[str, Tensor]:
        """The source's path and its velocities."""
        return {"path": self.path, "velocities": self.velocities}


@dataclass(frozen=True)
class FlowEdit(Inversion):
    """A target follows the difference between its velocity and the source's. With equal prompts and equal guidance it
    is the source itself, at any number of steps.

    The noise is drawn from the seed, so another seed gives another edit.

    - `skip`: the fraction of the steps to leave out, from the noisiest, from 0 to below 1. Default: 0.34, published
      for SD3 (17 of 50 steps); for FLUX.1 it is 4 of 28.
    - `source_guidance_scale`: how strongly the source's own velocities are guided, from 0 to below 100. Default: 3.5,
      published for SD3 with 13.5 for the edits; for FLUX.1 it is 1.5 with 5.5.

    Raises `SettingsError` for a value outside of its range.

    >>> FlowEdit(skip=4 / 28, source_guidance_scale=1.5).source_guidance_scale
    1.5
    """

    skip: float = 0.34
    source_guidance_scale: float = 3.5

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        check_skip(self.skip)
        check_source_guidance(self.source_guidance_scale)

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step that is not skipped, of two rows if a negative text guides the source."""
        timesteps = task.timesteps[int(self.skip * len(task.timesteps)) :]
        tick = task.ticker(len(timesteps))
        path, velocities = [], []
        for step, (fresh, timestep) in enumerate(zip(task.draw_noise(len(timesteps)), timesteps, strict=True)):
            path.append(mixed(Split(task.latents, fresh[None]), task.solver.rates(timestep)))
            velocities.append(task.predict_on_path(step, path[step], timestep, self.source_guidance_scale))
            tick()
        path.append(task.latents)
        return Replay(task.text, tuple(path), task.tape, VelocityDifference(torch.cat(path), torch.cat(velocities)))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's latents and its velocities."""
        return {"path": (num_steps + 1, *latents[1:]), "velocities": (num_steps, *latents[1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> VelocityDifference:
        """Build the source's path and velocities again."""
        return VelocityDifference(tensors["path"], tensors["velocities"])
