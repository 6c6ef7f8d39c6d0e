"""The noise that a diffusion model was trained against, for learning with it."""

from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor


class TrainingNoise:
    """A model's noise schedule, and what its network predicts of it."""

    def __init__(self, scheduler_config: Any) -> None:
        """Take the schedule of a pipeline's scheduler."""
        self._scheduler = DDPMScheduler.from_config(scheduler_config)

    def timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """Timesteps (count,), each as likely."""
        return torch.randint(int(self._scheduler.config["num_train_timesteps"]), (count,), generator=generator)

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
