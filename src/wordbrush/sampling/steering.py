"""What the loop asks of a source about its targets: the negative text of a step, and the step itself.

A generated source answers with plain guided sampling. A way of inverting a photograph that does more (text optimised
for each step, noise that is added again, a correction by the source's error) overrides an answer.
"""

from dataclasses import dataclass

from torch import Tensor

from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class Predicted:
    """A step's predictions (B, C, h, w) with the prompts and, where guidance reads it, with the negative text."""

    positive: Tensor
    negative: Tensor | None
    guidance: Guidance
    guidance_scale: float

    def guided(self) -> Tensor:
        """One prediction of both."""
        if self.negative is None:
            return self.positive
        return self.guidance.combine(self.negative, self.positive, self.guidance_scale)


class Steering:
    """Plain sampling."""

    def negative(self, step: int, negative: Text) -> Text:
        """The negative text of a step, where `negative` is the run's own."""
        return negative

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """The latents (B, C, h, w) after a step, of those before it."""
        return solver.step(predicted.guided(), timestep, latents)

    def tensors(self) -> dict[str, Tensor]:
        """All that it holds, by name, from which its method makes it again."""
        return {}


PLAIN = Steering()
