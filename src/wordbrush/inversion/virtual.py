"""`virtual`: no path to noise at all, for few steps (Xu et al. 2024, InfEdit, arXiv 2312.04965)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.inversion.method import Inversion, check_source_guidance
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.rates import Split, mixed
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape


@dataclass(frozen=True, eq=False)
class SourceError(Steering):
    """A target's predicted clean latents are corrected by the source's error, and then noised with the source's noise.

    `path` (steps + 1, C, h, w) holds the source's latents; `clean_errors` (steps, C, h, w) its clean latents minus the
    predicted ones. This is the published correction of the predicted noise, written without dividing by the signal,
    which is 0 at a flow's first step.
    """

    path: Tensor
    clean_errors: Tensor

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """The denoising diffusion consistent model: the target's clean latents with the source's next noise."""
        clean = solver.split(predicted.guided(), timestep, latents).clean + self.clean_errors[step]
        if step == len(self.clean_errors) - 1:
            return clean
        # The source's next latents are its clean ones with fresh noise; the target gets the same noise.
        return self.path[step + 1] + solver.rates_after(timestep).signal * (clean - self.path[-1])

    def tensors(self) -> dict[str, Tensor]:
        """The source's path and its errors."""
        return {"path": self.path, "clean_errors": self.clean_errors}


@dataclass(frozen=True)
class Virtual(Inversion):
    """Each step noises the known source independently and measures the network's error; the target is corrected by it.

    With equal prompts and equal guidance the target is exactly the source, at any number of steps. Published are 12
    steps with a `guidance_scale` of 2.3 for the edits; 4 steps work. The noise is drawn from the seed.

    - `source_guidance_scale`: how strongly the source's own predictions are guided, from 0 to below 100. Default: 1,
      without guidance, as published.

    Raises `SettingsError` for a value outside of its range.

    >>> Virtual()
    Virtual(source_guidance_scale=1.0)
    """

    source_guidance_scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the number. Raises `SettingsError`."""
        check_source_guidance(self.source_guidance_scale)

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step, of two rows if the source is guided."""
        tick = task.ticker(len(task.timesteps))
        noise = task.draw_noise(len(task.timesteps))
        path, errors = [], []
        for step, (fresh, timestep) in enumerate(zip(noise, task.timesteps, strict=True)):
            path.append(mixed(Split(task.latents, fresh[None]), task.solver.rates(timestep)))
            prediction = task.predict_on_path(step, path[step], timestep, self.source_guidance_scale)
            errors.append(task.latents - task.solver.split(prediction, timestep, path[step]).clean)
            tick()
        path.append(task.latents)
        return Replay(task.text, tuple(path), task.tape, SourceError(torch.cat(path), torch.cat(errors)))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's latents and its errors."""
        return {"path": (num_steps + 1, *latents[1:]), "clean_errors": (num_steps, *latents[1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> SourceError:
        """Build the source's path and errors again."""
        return SourceError(tensors["path"], tensors["clean_errors"])
