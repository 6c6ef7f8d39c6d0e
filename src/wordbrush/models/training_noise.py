"""The noise that a diffusion model was trained against, for learning with it."""

from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor

_MOST = 10.0
"""The largest weight, for schedules that end in pure noise."""


class TrainingNoise:
    """A model's noise schedule, what its network predicts of it, and how much an error at a timestep counts.

    What a picture shows is decided near pure noise, where a network that predicts noise can hardly be wrong: with all
    timesteps alike it learns a thing's surface, and draws it where something else has begun. So more timesteps are
    noisy ones, and errors there weigh more.
    """

    def __init__(self, scheduler_config: Any) -> None:
        """Take the schedule of a pipeline's scheduler."""
        self._scheduler = DDPMScheduler.from_config(scheduler_config)

    def timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """Timesteps (count,): half of them in the noisiest quarter of the schedule."""
        most = int(self._scheduler.config["num_train_timesteps"])
        return ((1 - torch.rand(count, generator=generator).square()) * most).long().clamp(max=most - 1)

    def weights(self, timesteps: Tensor) -> Tensor:
        """How much a squared error of the prediction counts at timesteps (B,): an error of the noise by how much more
        noise there is than picture. What a network predicts instead is brought to the noise.
        """
        signal: Tensor = self._scheduler.alphas_cumprod[timesteps]  # of squares: with the noise's it is 1
        weights = ((1 - signal) / signal).sqrt().clamp(max=_MOST)
        kind = self._scheduler.config["prediction_type"]
        if kind == "v_prediction":
            return weights * signal
        return weights * signal / (1 - signal) if kind == "sample" else weights

    def noised(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Latents (B, C, h, w) with noise at timesteps (B,)."""
        noised: Tensor = self._scheduler.add_noise(clean, noise, timesteps)
        return noised

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network is to predict: the noise, the velocity, or the clean latents."""
        kind = self._scheduler.config["prediction_type"]
        if kind == "v_prediction":
            velocity: Tensor = self._scheduler.get_velocity(clean, noise, timesteps)
            return velocity
        return clean if kind == "sample" else noise
