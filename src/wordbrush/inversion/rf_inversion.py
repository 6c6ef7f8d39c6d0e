"""`rf-inversion`: a flow that is drawn to noise and back (Rout et al. 2024, RF-Inversion, arXiv 2410.10792)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.inversion.flow_path import flow_levels
from wordbrush.inversion.method import Inversion, check_source_guidance
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape


@dataclass(frozen=True, eq=False)
class DrawnBack(Steering):
    """A target's velocity is mixed with the one that leads straight to the source's picture `clean` (1, C, h, w)."""

    clean: Tensor
    eta: float
    stop: float

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """One Euler step of the controlled flow."""
        now, after = solver.rates(timestep).noise, solver.rates_after(timestep).noise
        velocity = predicted.guided()
        if step < int(self.stop * len(solver.timesteps)):
            velocity = velocity + self.eta * ((latents - self.clean) / now - velocity)
        return latents + (after - now) * velocity

    def tensors(self) -> dict[str, Tensor]:
        """The source's picture."""
        return {"clean": self.clean}


@dataclass(frozen=True)
class RFInversion(Inversion):
    """The picture is taken back along the flow and drawn to noise from the seed, so that its end is likely as noise;
    targets start there, and for the first steps are drawn to the picture.

    The source is held on the path that was found, so the picture comes back as well as the autoencoder allows. The
    paper takes it back with an empty prompt; here the source's own is used.

    - `gamma`: how strongly the way back is drawn to the noise, from 0 (not at all) to 1 (the noise alone). Default:
      0.5.
    - `eta`: how strongly targets are drawn to the picture, from 0 to 1 (straight to it). Default: 0.9, published for
      FLUX.1.
    - `stop`: the fraction of the steps in which they are, from 0 to 1. Default: 0.25, which is 7 of 28.
    - `source_guidance_scale`: how strongly the way back is guided, from 0 to below 100. Default: 1, which is none, but
      for Z-Image, where 0 is.

    Raises `SettingsError` for a value outside of its range.

    >>> RFInversion(eta=1.0).gamma
    0.5
    """

    gamma: float = 0.5
    eta: float = 0.9
    stop: float = 0.25
    source_guidance_scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        for name in ("gamma", "eta", "stop"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; give a number from 0 to 1")
        check_source_guidance(self.source_guidance_scale)

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step, of two rows if a negative text guides the way back."""
        levels = flow_levels(task.solver, task.timesteps)[::-1]
        tick, noise = task.ticker(len(levels) - 1), task.draw_noise(1)
        path = [task.latents]
        for level, noisier in pairwise(levels):
            velocity = task.predict(path[-1], level.timestep, self.source_guidance_scale)
            to_noise = (noise - path[-1]) / (1 - level.noise)
            velocity = velocity + self.gamma * (to_noise - velocity)
            path.append(path[-1] + (noisier.noise - level.noise) * velocity)
            tick()
        return Replay(task.text, tuple(path[::-1]), None, DrawnBack(task.latents, self.eta, self.stop))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's picture."""
        return {"clean": tuple(latents)}

    def steering(self, tensors: Mapping[str, Tensor]) -> DrawnBack:
        """Build the source's picture again."""
        return DrawnBack(tensors["clean"], self.eta, self.stop)
