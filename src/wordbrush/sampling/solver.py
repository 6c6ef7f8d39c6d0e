"""The noise schedule of one run: what the loop and an inversion ask of it."""

from typing import Protocol

from torch import Tensor

from wordbrush.sampling.rates import Rates, Split

FLOW = "flow-euler"
"""The name of the solver of flow-matching models; all others are of diffusion models."""


class Solver(Protocol):
    """The steps of one run, in order; latents are (B, C, h, w). It may remember steps, so each run has its own."""

    name: str
    timesteps: Tensor

    def start(self, noise: Tensor) -> Tensor:
        """The latents before the first step, of unit noise."""
        ...

    def model_input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """What the network is given of the latents of a timestep."""
        ...

    def step(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """Go from the latents of a timestep to those of the next."""
        ...

    def noised(self, latents: Tensor, start: Tensor, timestep: Tensor) -> Tensor:
        """Finished latents with as much of the noise of `start` as a timestep has: the forward process."""
        ...

    def rates(self, timestep: Tensor) -> Rates:
        """The level of the latents before the step of a timestep."""
        ...

    def rates_after(self, timestep: Tensor) -> Rates:
        """The level of the latents after the step of a timestep."""
        ...

    def split(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Split:
        """The clean latents and the noise that a prediction says that latents are made of."""
        ...

    def part(self, timestep: Tensor) -> float:
        """How far back a timestep is in the schedule that was trained, from 0 for a finished picture to 1."""
        ...
