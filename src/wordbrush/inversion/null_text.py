"""`null-text`: the negative text is optimised for each step (Mokady et al. 2023, arXiv 2211.09794)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.errors import OutputError, SettingsError
from wordbrush.inversion.method import Inversion, check_reads_negative
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.steering import Steering
from wordbrush.sampling.text import Shape, Text


@dataclass(frozen=True, eq=False)
class NegativeOfStep(Steering):
    """The states of a negative text for each step, (steps, T, C)."""

    negatives: Tensor

    def negative(self, step: int, negative: Text) -> Text:
        """The run's own text, with the step's states."""
        return negative.with_states(self.negatives[step : step + 1])

    def tensors(self) -> dict[str, Tensor]:
        """The states."""
        return {"negatives": self.negatives}


@dataclass(frozen=True, eq=False)
class Fit:
    """The best negative text of a step as states (1, T, C), the latents that it leads to, the loss of each trial."""

    negative: Tensor
    latents: Tensor
    losses: tuple[float, ...]


@dataclass(frozen=True)
class NullText(Inversion):
    """Guided sampling is led back to the inverted path by optimising the negative text, step after step.

    Published: `num_inner_steps` 10 of Adam, with a learning rate of `learning_rate` * (1 - step / 100), until the loss
    is below `early_stop` + step * 2e-5. The best text of a step is kept, not the last, and is what the next one starts
    from.
    """

    num_inner_steps: int = 10
    learning_rate: float = 1e-2
    early_stop: float = 1e-5

    needs_prompt: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        if not 1 <= self.num_inner_steps <= 1000:
            raise SettingsError(f"num_inner_steps is {self.num_inner_steps}; give 1 to 1000, such as 10")
        if not 0 < self.learning_rate <= 1:
            raise SettingsError(f"learning_rate is {self.learning_rate}; give a number above 0, such as 0.01")
        if not 0 <= self.early_stop <= 1:
            raise SettingsError(f"early_stop is {self.early_stop}; give a loss of 0 to 1, such as 1e-5")

    def check(self, guidance: Guidance, guidance_scale: float, negative_prompt: str) -> None:
        """Without guidance no negative text is read."""
        check_reads_negative("null-text", guidance)
        if not guidance.has_negative(guidance_scale):
            raise SettingsError(
                f"method 'null-text' optimises what guidance reads, and guidance_scale is {guidance_scale:g}; give "
                "more than 1, or method 'ddim'"
            )

    def invert(self, task: InversionTask) -> Replay:
        """One model call a step back, one a step forth, and at most `num_inner_steps` with their gradients."""
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

    def fit(self, task: InversionTask, step: int, latents: Tensor, goal: Tensor, negative: Tensor) -> Fit:
        """The negative text, as states (1, T, C), with which a guided step from `latents` comes nearest to `goal`."""
        timestep = task.timesteps[step]
        positive = task.predict_on_path(step, latents, timestep, 1.0)
        exact = torch.promote_types(negative.dtype, torch.float32)
        text = negative.detach().to(exact).clone().requires_grad_()
        optimiser = torch.optim.Adam([text], lr=self.learning_rate * max(0.0, 1 - step / 100))
        best, losses = Fit(negative, goal, ()), []
        for _ in range(self.num_inner_steps):
            words = task.negative.with_states(text.to(negative.dtype))
            prediction = task.model.predict_with_gradient(latents, timestep, words)
            with torch.enable_grad():
                guided = task.model.guidance.combine(prediction, positive, task.guidance_scale)
                reached = task.solver.step(guided, timestep, latents)
                loss = F.mse_loss(reached.to(exact), goal.to(exact))
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                raise OutputError("null-text inversion met a loss that is no number; try dtype='float32'")
            if losses[-1] == min(losses):
                best = Fit(text.detach().to(negative.dtype).clone(), reached.detach(), ())
            if losses[-1] < self.early_stop + step * 2e-5:
                break
            (text.grad,) = torch.autograd.grad(loss, [text])
            optimiser.step()
        return Fit(best.negative, best.latents, tuple(losses))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The states of one text a step."""
        return {"negatives": (num_steps, *text["states"][1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> NegativeOfStep:
        """The states again."""
        return NegativeOfStep(tensors["negatives"])
