"""`edit-friendly`: the noise maps of a stochastic sampler (Huberman-Spiegelglas et al. 2024, arXiv 2304.06140)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.inversion.method import Inversion, check_skip, check_source_guidance
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.rates import Split, mixed, stochastic_mean
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape


@dataclass(frozen=True, eq=False)
class NoiseMaps(Steering):
    """Every branch's stochastic step adds the noise that takes the source along its own path.

    `noise_maps` (steps, C, h, w) are added to each step's mean; they are already multiplied by its standard deviation.
    """

    noise_maps: Tensor

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """The mean of a step with eta 1, plus the source's noise."""
        return _mean(solver, predicted.guided(), timestep, latents) + self.noise_maps[step]

    def tensors(self) -> dict[str, Tensor]:
        """The noise maps."""
        return {"noise_maps": self.noise_maps}


@dataclass(frozen=True)
class EditFriendly(Inversion):
    """The picture is noised independently for each step. What a DDPM step (eta 1) must add to get from one of these to
    the next is kept, and is added to every branch. The source comes back exactly.

    The noise is drawn from the seed, so another seed gives another inversion.

    - `skip`: the fraction of the steps to leave out, from the noisiest, from 0 to below 1. Default: 0.12, published
      with attention control (12 of 100 steps); with text alone 0.36 is published.
    - `source_guidance_scale`: how strongly the source's own predictions are guided, from 0 to below 100. Default: 3.5.

    Raises `SettingsError` for a value outside of its range.

    >>> EditFriendly(skip=0.36)
    EditFriendly(skip=0.36, source_guidance_scale=3.5)
    """

    skip: float = 0.12
    source_guidance_scale: float = 3.5

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        check_skip(self.skip)
        check_source_guidance(self.source_guidance_scale)

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step that is not skipped, of two rows if the source is guided."""
        timesteps = task.timesteps[int(self.skip * len(task.timesteps)) :]
        tick = task.ticker(len(timesteps))
        noise = task.draw_noise(len(timesteps))
        path = [
            mixed(Split(task.latents, fresh[None]), task.solver.rates(timestep))
            for fresh, timestep in zip(noise, timesteps, strict=True)
        ]
        path.append(task.latents)
        noise_maps = []
        for step, timestep in enumerate(timesteps):
            prediction = task.predict_on_path(step, path[step], timestep, self.source_guidance_scale)
            noise_maps.append(path[step + 1] - _mean(task.solver, prediction, timestep, path[step]))
            tick()
        return Replay(task.text, tuple(path), task.tape, NoiseMaps(torch.cat(noise_maps)))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """One noise map for each step."""
        return {"noise_maps": (num_steps, *latents[1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> NoiseMaps:
        """Build the noise maps again."""
        return NoiseMaps(tensors["noise_maps"])


def _mean(solver: Solver, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
    split = solver.split(prediction, timestep, latents)
    return stochastic_mean(split, solver.rates(timestep), solver.rates_after(timestep))
