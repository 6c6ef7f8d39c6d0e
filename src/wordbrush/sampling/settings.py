"""What a user asks of a generation, in one checked form that goes into records as it is."""

import math
from dataclasses import dataclass

from wordbrush.errors import SettingsError


@dataclass(frozen=True)
class GenerationSettings:
    """A picture of `prompt`: `height` x `width` pixels, from the noise of `seed`. Raises `SettingsError`."""

    prompt: str
    negative_prompt: str
    seed: int
    num_inference_steps: int
    guidance_scale: float
    height: int
    width: int

    def __post_init__(self) -> None:
        """Check what does not depend on the model."""
        if self.num_inference_steps < 1:
            raise SettingsError(f"num_inference_steps is {self.num_inference_steps}; give 1 or more")
        if not (math.isfinite(self.guidance_scale) and self.guidance_scale >= 0):
            raise SettingsError(f"guidance_scale is {self.guidance_scale}; give a number of 0 or more, such as 7.5")
        if not 0 <= self.seed < 2**63:
            raise SettingsError(f"seed is {self.seed}; give a whole number from 0 to 2**63 - 1")
        if self.height < 1 or self.width < 1:
            raise SettingsError(f"size is {self.height}x{self.width}; give a positive height and width in pixels")
