"""`rf-solver`: the flow taken back by steps of the second order (Wang et al. 2024, RF-Solver, arXiv 2411.04746)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from wordbrush.inversion.flow_edit import VelocityDifference
from wordbrush.inversion.flow_path import flow_levels
from wordbrush.inversion.method import Inversion, check_skip, check_source_guidance
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.text import Shape


@dataclass(frozen=True)
class RFSolver(Inversion):
    """The picture is taken back along the flow, each step with the velocity in its middle: what the second-order
    Taylor step of RF-Solver comes to, whose derivative is the difference to the middle.

    A target moves as the source did, and also by the difference between its velocity and the source's. So with equal
    prompts and no guidance the picture comes back at any number of steps. The paper takes targets by second-order
    steps as well, and injects the values of late layers; here the kept source is what edits read.

    - `skip`: the fraction of the steps to leave out, from the noisiest, from 0 to below 1. Default: 0.
    - `source_guidance_scale`: how strongly the source's own velocities are guided, from 0 to below 100. Default: 1,
      which is none, but for Z-Image, where 0 is.

    Raises `SettingsError` for a value outside of its range.

    >>> RFSolver(skip=0.2)
    RFSolver(skip=0.2, source_guidance_scale=1.0)
    """

    skip: float = 0.0
    source_guidance_scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        check_skip(self.skip)
        check_source_guidance(self.source_guidance_scale)

    def invert(self, task: InversionTask) -> Replay:
        """Two model calls for each step, and one more; of two rows if a negative text guides the source."""
        levels = flow_levels(task.solver, task.timesteps[int(self.skip * len(task.timesteps)) :])[::-1]
        tick = task.ticker(len(levels) - 1)
        path, velocities = [task.latents], []
        velocity = task.predict(task.latents, levels[0].timestep, self.source_guidance_scale)
        for level, noisier in pairwise(levels):
            width = noisier.noise - level.noise
            middle = path[-1] + width / 2 * velocity
            in_middle = task.predict(middle, level.half_way(noisier).timestep, self.source_guidance_scale)
            path.append(path[-1] + width * in_middle)
            velocity = task.predict(path[-1], noisier.timestep, self.source_guidance_scale)
            velocities.append(velocity)
            tick()
        path, velocities = path[::-1], velocities[::-1]
        return Replay(task.text, tuple(path), None, VelocityDifference(torch.cat(path), torch.cat(velocities)))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's latents and its velocities."""
        return {"path": (num_steps + 1, *latents[1:]), "velocities": (num_steps, *latents[1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> VelocityDifference:
        """Build the source's path and velocities again."""
        return VelocityDifference(tensors["path"], tensors["velocities"])
