"""A source that ran, or a photograph that was inverted: everything that later edits need of it."""

from dataclasses import dataclass

from torch import Tensor

from wordbrush.attention.tape import SourceTape
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import PLAIN, Steering
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class Replay:
    """A source's text, its latents (1, C, h, w) before each step and after the last, its recorded attention, what its
    targets do beyond plain sampling, and of a generated source what it predicted with the negative text at its first
    step (1, C, h, w), if that is guided.

    Its steps are the last ones of the schedule: a source that starts later, with less noise, has fewer.
    """

    text: Text
    latents: tuple[Tensor, ...]
    tape: SourceTape | None = None
    steering: Steering = PLAIN
    first_negative: Tensor | None = None

    @property
    def num_steps(self) -> int:
        """The number of its steps."""
        return len(self.latents) - 1

    def timesteps(self, solver: Solver) -> Tensor:
        """The timesteps of its steps in a schedule, which is its steering's."""
        return solver.timesteps[len(solver.timesteps) - self.num_steps :]
