"""The levels of a flow's schedule: how much noise there is, and what the network is told there."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from wordbrush.sampling.solver import Solver


@dataclass(frozen=True, eq=False)
class Level:
    """The share of the noise, from 0 (a picture) to 1, and the timestep that stands for it."""

    noise: float
    timestep: Tensor

    def half_way(self, other: "Level") -> "Level":
        """The level between two."""
        return Level((self.noise + other.noise) / 2, (self.timestep + other.timestep) / 2)


def flow_levels(solver: Solver, timesteps: Tensor) -> Sequence[Level]:
    """The level before each of a flow's steps and after the last: timesteps are proportional to noise."""
    before = [Level(solver.rates(timestep).noise, timestep) for timestep in timesteps]
    last = solver.rates_after(timesteps[-1]).noise
    return [*before, Level(last, timesteps[-1] * (last / before[-1].noise))]
