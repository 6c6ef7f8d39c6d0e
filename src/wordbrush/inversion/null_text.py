"""`null-text`: the negative text is optimised for each step (Mokady et al. 2023, arXiv 2211.09794)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import OutputError, SettingsError, overflow_remedy
from wordbrush.inversion.method import Inversion, check_reads_negative
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.steering import Steering
from wordbrush.sampling.text import Shape, Text


@dataclass(frozen=True, eq=False)
class NegativeOfStep(Steering):
    """A negative text for each step, as states (steps, T, C)."""

    negatives: Tensor

    def negative(self, step: int, negative: Text) -> Text:
        """The run's own negative text, with the states of this step."""
        return negative.with_states(self.negatives[step : step + 1])

    def tensors(self) -> dict[str, Tensor]:
        """The states."""
        return {"negatives": self.negatives}


@dataclass(frozen=True, eq=False)
class StepFit:
    """A step's best negative text as states (1, T, C), the latents that it leads to, and the loss of each trial."""

    negative: Tensor
    latents: Tensor
    losses: tuple[float, ...]


@dataclass(frozen=True)
class NullText(Inversion):
    """The negative text is optimised at each step, so that guided sampling returns to the inverted path.

    Adam has a learning rate of `learning_rate` * (1 - step / 100) and stops when the loss is below `early_stop` + step
    * 2e-5, as published. Each step keeps the best text that it found, and the next step starts from it.

    - `num_inner_steps`: the maximum number of optimisation steps for each step, from 1 to 1000. Default: 10.
    - `learning_rate`: the learning rate at the first step, above 0 and at most 1. Default: 0.01.
    - `early_stop`: the loss (mean squared error of latents) that is good enough at the first step, from 0 to 1.
      Default: 1e-5.

    Raises `SettingsError` for a value outside of its range.

    >>> NullText(num_inner_steps=5)
    NullText(num_inner_steps=5, learning_rate=0.01, early_stop=1e-05)
    """

    num_inner_steps: int = 10
    learning_rate: float = 1e-2
    early_stop: float = 1e-5

    needs_prompt: ClassVar[bool] = True
    retraces: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        if not 1 <= self.num_inner_steps <= 1000:
            raise SettingsError(f"num_inner_steps is {self.num_inner_steps}; give 1 to 1000, such as 10")
        if not 0 < self.learning_rate <= 1:
            raise SettingsError(
                f"learning_rate is {self.learning_rate}; give a number above 0 and at most 1, such as 0.01"
            )
        if not 0 <= self.early_stop <= 1:
            raise SettingsError(f"early_stop is {self.early_stop}; give a loss from 0 to 1, such as 1e-5")

    def check(
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """The negative text is read only with guidance, and is what brings each step back to the source."""
        check_reads_negative("null-text", guidance)
        if not guidance.has_negative(guidance_scale):
            raise SettingsError(
                f"method 'null-text' optimises the text that guidance reads, and guidance_scale is "
                f"{guidance_scale:g}; give more than 1, or use method 'ddim'"
            )
        if interval != EVERY_STEP:
            raise SettingsError(
                "method 'null-text' optimises the text that guidance reads at each step, and guidance_interval leaves "
                "steps without it; leave out guidance_interval, or use another method"
            )

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step back, one for each step forward, and at most `num_inner_steps` more with
        gradients.
        """
        count = len(task.timesteps)
        tick = task.ticker(2 * count)
        path = ddim_path(task, tick)
        latents, negative = [path[0]], task.negative.states
        negatives = []
        for step in range(count):
            fit = self.fit(task, step, latents[-1], path[step + 1], negative)
            negative = fit.negative
            negatives.append(negative)
            latents.append(fit.latents)
            tick()
        return Replay(task.text, tuple(latents), task.tape, NegativeOfStep(torch.cat(negatives)))

    def fit(self, task: InversionTask, step: int, latents: Tensor, goal: Tensor, negative: Tensor) -> StepFit:
        """The negative text, as states (1, T, C), that brings a guided step from `latents` closest to `goal`."""
        timestep = task.timesteps[step]
        positive = task.predict_on_path(step, latents, timestep, 1.0)
        exact = torch.promote_types(negative.dtype, torch.float32)
        text = negative.detach().to(exact).clone().requires_grad_()
        optimiser = torch.optim.Adam([text], lr=self.learning_rate * max(0.0, 1 - step / 100))
        best, losses = StepFit(negative, goal, ()), []
        for _ in range(self.num_inner_steps):
            words = task.negative.with_states(text.to(negative.dtype))
            prediction = task.model.predict_with_gradient(latents, timestep, words, task.place(timestep))
            with torch.enable_grad():
                guided = task.model.guidance.combine(prediction, positive, task.guidance_scale)
                reached = task.solver.step(guided, timestep, latents)
                loss = F.mse_loss(reached.to(exact), goal.to(exact))
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                remedy = overflow_remedy(latents.dtype)
                raise OutputError(f"null-text inversion's loss is not a finite number; {remedy}")
            if losses[-1] == min(losses):
                best = StepFit(text.detach().to(negative.dtype).clone(), reached.detach(), ())
            if losses[-1] < self.early_stop + step * 2e-5:
                break
            (text.grad,) = torch.autograd.grad(loss, [text])
            optimiser.step()
        return StepFit(best.negative, best.latents, tuple(losses))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The states of one text for each step."""
        return {"negatives": (num_steps, *text["states"][1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> NegativeOfStep:
        """Build the states again."""
        return NegativeOfStep(tensors["negatives"])
