"""The noise schedule of one run: what the loop and the inversions ask of it."""

from typing import Protocol

from torch import Tensor

from wordbrush.sampling.rates import Rates, Split

FLOW = "flow-euler"
"""The name of the solver for flow-matching models; all others are for diffusion models."""


class Solver(Protocol):
    """The steps of one run, in order, on latents (B, C, h, w). A solver may remember earlier steps, so each run has
    its own.
    """

    name: str
    timesteps: Tensor
    draws: bool
    """Whether its steps draw noise, so that nothing leads back along them."""
    starts_anywhere: bool
    """Whether a run may begin in the middle of the schedule, with latents of another run."""

    def start(self, noise: Tensor) -> Tensor:
        """The latents before the first step, from noise of unit variance."""
        ...

    def model_input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """The network's input for latents at a timestep."""
        ...

    def step(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """Go from the latents at a timestep to those at the next."""
        ...

    def noised(self, latents: Tensor, start: Tensor, timestep: Tensor) -> Tensor:
        """Finished latents with as much of the noise in `start` as a timestep has: the forward process."""
        ...

    def rates(self, timestep: Tensor) -> Rates:
        """The level of the latents before a timestep's step."""
        ...

    def rates_after(self, timestep: Tensor) -> Rates:
        """The level of the latents after a timestep's step."""
        ...

    def split(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Split:
        """The clean latents and the noise that a prediction finds in latents."""
        ...

    def part(self, timestep: Tensor) -> float:
        """How far back a timestep is in the trained schedule, from 0 (a finished picture) to 1."""
        ...
