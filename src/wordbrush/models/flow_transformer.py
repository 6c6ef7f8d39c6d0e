"""What the families of joint attention share: a transformer that predicts the velocity of a flow, Euler steps."""

from abc import ABC
from collections.abc import Sequence

from diffusers import FlowMatchEulerDiscreteScheduler

from wordbrush.errors import SettingsError
from wordbrush.models.solvers import flow_solver
from wordbrush.models.transformer import Transformer
from wordbrush.sampling.solver import FLOW, Solver


class FlowTransformer(Transformer, ABC):
    """An `Adapter` over a pipeline whose transformer predicts the velocity of a flow."""

    def _sigmas(self, num_inference_steps: int) -> Sequence[float] | None:
        """The noise levels that the pipeline gives its scheduler; None for the scheduler's own."""
        return None

    def _shift(self, image_tokens: int, num_inference_steps: int) -> float | None:
        """The logarithm of the schedule's shift, where the family has a formula of its own for it."""
        return None

    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A fresh schedule of Euler steps, shifted as the pipeline shifts it for this size."""
        scheduler = self._pipeline.scheduler
        if sampler not in (None, FLOW, "own"):
            raise SettingsError(f"sampler is '{sampler}', and this model is sampled along a flow; give '{FLOW}'")
        if sampler == "own" and type(scheduler) is not FlowMatchEulerDiscreteScheduler:
            raise SettingsError(f"the model's own sampler is {type(scheduler).__name__}; give '{FLOW}'")
        rows, columns = self._grid(*self.latent_size(height, width))
        sigmas, shift = self._sigmas(num_inference_steps), self._shift(rows * columns, num_inference_steps)
        return flow_solver(scheduler.config, num_inference_steps, self.device, rows * columns, sigmas, shift)
