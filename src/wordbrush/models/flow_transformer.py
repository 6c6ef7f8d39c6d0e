"""What the families of joint attention share: a transformer that predicts the velocity of a flow, Euler steps."""

from abc import ABC
from collections.abc import Sequence

import numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler

from wordbrush.attention.sites import AttentionLayer
from wordbrush.errors import SettingsError
from wordbrush.models.intercept import attention_modules
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
        solver = flow_solver(scheduler.config, num_inference_steps, self.device, rows * columns, sigmas, shift)
        self._guides.check_steps(len(solver.timesteps))
        return solver


class TextFirst(FlowTransformer, ABC):
    """A flow transformer whose layers all have the axis `[text, picture]`, sampled from even noise levels."""

    def _sigmas(self, num_inference_steps: int) -> Sequence[float] | None:
        if self._pipeline.scheduler.config.get("use_flow_sigmas"):
            return None
        return [float(sigma) for sigma in np.linspace(1.0, 1 / num_inference_steps, num_inference_steps)]

    def _layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        heads = int(self.transformer.config["num_attention_heads"])
        return tuple(
            AttentionLayer.joint(name, heads, grid, tokens, text_first=True, shows_words=self._shows_words(name))
            for name in attention_modules(self.transformer)
        )

    def _shows_words(self, layer: str) -> bool:
        """Whether a layer's attention to the text shows where words are; all do where nothing is known."""
        return True
