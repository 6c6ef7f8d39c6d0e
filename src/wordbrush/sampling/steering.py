"""What the loop asks a source about its targets: the negative text of a step, and the step itself.

A generated source answers with plain guided sampling. Inversions that do more override an answer: with text optimised
for each step, with noise that is added again, or with a correction by the source's error.
"""

from dataclasses import dataclass

from torch import Tensor

from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class Predicted:
    """A step's predictions (B, C, h, w): with the prompts and, if guidance reads it, with the negative text."""

    positive: Tensor
    negative: Tensor | None
    guidance: Guidance
    guidance_scale: float

    def guided(self) -> Tensor:
        """The two predictions combined by guidance."""
        if self.negative is None:
            return self.positive
        return self.guidance.combine(self.negative, self.positive, self.guidance_scale)


class Steering:
    """Plain sampling."""

    def negative(self, step: int, negative: Text) -> Text:
        """The negative text of a step; `negative` is the run's own."""
        return negative

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """The latents (B, C, h, w) after a step, from those before it."""
        return solver.step(predicted.guided(), timestep, latents)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that it holds, by name; its method builds it again from them."""
        return {}


PLAIN = Steering()
