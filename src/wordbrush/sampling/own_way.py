"""A way that plain steps do not lead along: what they miss of it is added."""

from dataclasses import dataclass

from torch import Tensor

from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class OwnWay(Steering):
    """What `base` does, and at each step `missing` (steps, C, h, w) added to all branches."""

    base: Steering
    missing: Tensor

    def compares(self, *, guided: bool) -> bool:
        """As the base does."""
        return self.base.compares(guided=guided)

    def solver(self, solver: Solver) -> Solver:
        """That of the base."""
        return self.base.solver(solver)

    def shown(self, step: int, latents: Tensor) -> Tensor:
        """That of the base."""
        return self.base.shown(step, latents)

    def negative(self, step: int, negative: Text) -> Text:
        """That of the base."""
        return self.base.negative(step, negative)

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """The base's step, and what is missing."""
        return self.base.advance(solver, step, timestep, predicted, latents) + self.missing[step]

    def tensors(self) -> dict[str, Tensor]:
        """What is missing, beside what the base holds, which may be such a way itself."""
        return {**{f"base_{name}": tensor for name, tensor in self.base.tensors().items()}, "missing": self.missing}
