"""An exact flow: the velocity of the mixture of Gaussians of `analytic.py`, and its Euler steps."""

from dataclasses import replace

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from helpers import analytic
from wordbrush.inversion.task import InversionTask
from wordbrush.models.solvers import flow_solver
from wordbrush.sampling.place import Place
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text

CONFIG = FlowMatchEulerDiscreteScheduler(shift=1.5).config


class ExactFlow(analytic.ExactDenoiser):
    """Predicts the velocity from the clean latents to the noise; timesteps are thousandths of noise."""

    def predict_with_gradient(
        self, latents: Tensor, timestep: Tensor, text: Text, place: Place | None = None
    ) -> Tensor:
        noise = float(timestep) / 1000
        signal, x_BD = 1 - noise, latents.flatten(1)
        off_BKD = x_BD[:, None] - signal * self.means_KD
        total = signal**2 * self.variance + noise**2
        weights_BK = (text.states[:, 0] - off_BKD.square().sum(-1) / (2 * total)).softmax(-1)
        clean_BKD = self.means_KD + signal * self.variance / total * off_BKD
        noise_BKD = noise / total * off_BKD
        return (weights_BK[..., None] * (noise_BKD - clean_BKD)).sum(1).reshape(latents.shape)


def solver(num_inference_steps: int) -> Solver:
    return flow_solver(CONFIG, num_inference_steps, torch.device("cpu"), 16)


def task(num_inference_steps: int, *, guidance_scale: float = 1.0, seed: int = 0) -> InversionTask:
    made = analytic.task(2, guidance_scale=guidance_scale, seed=seed)
    return replace(made, model=ExactFlow(), solver=solver(num_inference_steps))


def exactly_sampled(made: InversionTask, noise: Tensor) -> Tensor:
    """Where the flow of the source's prompt leads from noise: many steps, each of the fourth order."""
    steps, latents = 200, noise
    for step in range(steps, 0, -1):
        now, half, after = (torch.tensor(1000 * (step - part) / steps, dtype=torch.float64) for part in (0, 0.5, 1))
        first = made.predict(latents, now)
        second = made.predict(latents - first / (2 * steps), half)
        third = made.predict(latents - second / (2 * steps), half)
        fourth = made.predict(latents - third / steps, after)
        latents = latents - (first + 2 * second + 2 * third + fourth) / (6 * steps)
    return latents
