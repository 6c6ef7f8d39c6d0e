"""`flow-edit`: no inversion, the difference of two velocities (Kulikov et al. 2024, FlowEdit, arXiv 2412.08629)."""

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
    """A target moves as the source's noised picture does, and by how much its velocity differs from the source's.

    `path` (steps + 1, C, h, w) are the source's latents, noised afresh at each step, `velocities` (steps, C, h, w)
    what the network says of them. A target's latents are its picture so far, under the noise that the source has.
    """

    path: Tensor
    velocities: Tensor

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """One Euler step of the difference (paper, algorithm 1), and from the source's noise to its next."""
        width = solver.rates_after(timestep).noise - solver.rates(timestep).noise
        moved = width * (predicted.guided() - self.velocities[step])
        return latents + moved + (self.path[step + 1] - self.path[step])

    def tensors(self) -> dict[str, Tensor]:
        """The source's path and its velocities."""
        return {"path": self.path, "velocities": self.velocities}


@dataclass(frozen=True)
class FlowEdit(Inversion):
    """With equal prompts and equal guidance the target is the source at any number of steps. The seed counts.

    `skip` is the part of the steps, from the noisiest, that are left out (published: 17 of 50 with SD3, 4 of 28 with
    FLUX.1). `source_guidance_scale` guides the source's own velocities (3.5 with SD3, beside 13.5 of the edits; 1.5
    with FLUX.1, beside 5.5).
    """

    skip: float = 0.34
    source_guidance_scale: float = 3.5

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        check_skip(self.skip)
        check_source_guidance(self.source_guidance_scale)

    def invert(self, task: InversionTask) -> Replay:
        """One model call a step that is not skipped, of two rows where the source is guided by a negative text."""
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
        """The source's path and velocities again."""
        return VelocityDifference(tensors["path"], tensors["velocities"])
