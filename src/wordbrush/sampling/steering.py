"""What the loop asks a source about its targets: the negative text of a step, whether targets are compared with its
prompt, and the step itself.

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
    """A step's predictions (B, C, h, w): with the prompts and, if guidance reads it, with the negative text; for a
    steering that `compares`, with the source's prompt too.
    """

    positive: Tensor
    negative: Tensor | None
    guidance: Guidance
    guidance_scale: float
    source: Tensor | None = None

    def guided(self) -> Tensor:
        """The two predictions combined by guidance."""
        return self._combined(self.positive, self.guidance_scale)

    def guided_source(self, guidance_scale: float) -> Tensor:
        """The prediction with the source's prompt, guided by a scale of its own."""
        assert self.source is not None  # its steering compares
        return self._combined(self.source, guidance_scale)

    def _combined(self, positive: Tensor, guidance_scale: float) -> Tensor:
        return positive if self.negative is None else self.guidance.combine(self.negative, positive, guidance_scale)


class Steering:
    """Plain sampling."""

    def compares(self, *, guided: bool) -> bool:
        """Whether a step, guided or not, also needs what the network predicts for the targets' latents with the
        source's prompt.
        """
        return False

    def solver(self, solver: Solver) -> Solver:
        """The schedule whose last steps are the run's; `solver` is that of its settings."""
        return solver

    def shown(self, step: int, latents: Tensor) -> Tensor:
        """What the network is shown of the targets' latents (B, C, h, w) before a step."""
        return latents

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
