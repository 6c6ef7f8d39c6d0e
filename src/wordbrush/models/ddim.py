"""DDIM on a model's own noise schedule: diffusers' scheduler behind the loop's interface."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.sampling.rates import Rates, Split, split


class DDIM:
    """DDIM (Song et al. 2021, eta 0) on a model's own noise schedule."""

    name = "ddim"
    draws = False
    starts_anywhere = True

    def __init__(self, config: Mapping[str, Any], num_inference_steps: int, device: torch.device) -> None:
        """Take any scheduler's config: only its noise schedule and timestep offsets are read."""
        # Latents are not pixels: a config that does not say so must not have them clipped to [-1, 1].
        self._scheduler = DDIMScheduler.from_config(dict(config), clip_sample=config.get("clip_sample", False))
        schedule = self._scheduler.config
        # "Leading" timesteps are shifted up by the offset, and the highest must still be one that was trained.
        shift = int(schedule["steps_offset"]) if schedule["timestep_spacing"] == "leading" else 0
        most = int(schedule["num_train_timesteps"]) - shift
        if not 1 <= num_inference_steps <= most:
            raise SettingsError(f"num_inference_steps is {num_inference_steps}; this model takes 1 to {most}")
        self._scheduler.set_timesteps(num_inference_steps, device=device)
        self.timesteps: Tensor = self._scheduler.timesteps

    def start(self, noise: Tensor) -> Tensor:
        """The noise itself."""
        return noise

    def model_input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """The latents themselves."""
        return latents

    def step(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """One step from `timestep` to the next, for latents (B, C, h, w)."""
        following: Tensor = self._scheduler.step(prediction, int(timestep), latents, return_dict=False)[0]
        return following

    def noised(self, latents: Tensor, start: Tensor, timestep: Tensor) -> Tensor:
        """The forward process: finished latents (B, C, h, w) with as much noise as `timestep` has."""
        noisy: Tensor = self._scheduler.add_noise(latents, start, timestep.reshape(1))
        return noisy

    def rates(self, timestep: Tensor) -> Rates:
        """The level of the latents before the step of a timestep."""
        return _rates(self._scheduler.alphas_cumprod[int(timestep)])

    def rates_after(self, timestep: Tensor) -> Rates:
        """The level of the latents after the step of a timestep."""
        stride = self._scheduler.config["num_train_timesteps"] // self._scheduler.num_inference_steps
        following = int(timestep) - stride
        schedule = self._scheduler
        return _rates(schedule.alphas_cumprod[following] if following >= 0 else schedule.final_alpha_cumprod)

    def split(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Split:
        """The clean latents and the noise that a prediction says that latents (B, C, h, w) are made of."""
        kind = self._scheduler.config["prediction_type"]
        return split(kind, prediction, latents, self.rates(timestep))

    def part(self, timestep: Tensor) -> float:
        """How far back a timestep is in the schedule that was trained."""
        return int(timestep) / int(self._scheduler.config["num_train_timesteps"])


def _rates(alpha_cumprod: Tensor) -> Rates:
    return Rates(float(alpha_cumprod) ** 0.5, (1 - float(alpha_cumprod)) ** 0.5)
