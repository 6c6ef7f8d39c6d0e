"""A trained U-Net as the teacher of a flow: what it expects is said without the noise of any one scene.

A sample's direction is right only on average over all scenes that a noised one may come from; the U-Net says that
average outright (distillation: Hinton et al. 2015). A young network that is told it needs fewer pictures.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from training.networks import build_scheduler


class Teacher:
    """Says the direction to noise on the straight path, from a U-Net that was trained on Stable Diffusion's schedule.

    Both paths mix a scene and noise, at other shares: a point of the one, scaled, is a point of the other.
    """

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel, tokenizer: CLIPTokenizer, device: str) -> None:
        """Take trained networks."""
        self._unet = unet.to(device).eval().requires_grad_(False)
        self._text = text.to(device).eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._device = device
        signal = build_scheduler().alphas_cumprod
        self._log_snr = (signal.log() - (1 - signal).log()).double()

    @classmethod
    def load(cls, folder: Path, device: str) -> "Teacher":
        """Read a diffusers folder of Stable Diffusion's class."""
        return cls(
            UNet2DConditionModel.from_pretrained(folder, subfolder="unet").float(),
            CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").float(),
            CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer"),
            device,
        )

    @torch.no_grad()
    def __call__(self, noisy: Tensor, shares: Tensor, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The direction (B, C, h, w) at `noisy`, whose shares of noise are `shares` (B,), and where it is known (B,).

        The U-Net knows no noise above or below that of its schedule.
        """
        log_snr = 2 * ((1 - shares.double()).log() - shares.double().log())
        known = (log_snr <= self._log_snr[0]) & (log_snr >= self._log_snr[-1])
        alpha = torch.sigmoid(log_snr).float()[:, None, None, None].to(self._device)
        ids = self._tokenizer(list(prompts), padding="max_length", return_tensors="pt").input_ids
        words = self._text(ids.to(self._device))[0]
        theirs = noisy * ((1 - alpha).sqrt() / shares.float()[:, None, None, None].to(self._device))
        timesteps = self._timesteps(log_snr).to(self._device)
        noise: Tensor = self._unet(theirs, timesteps, words, return_dict=False)[0].float()
        return noise - (theirs - (1 - alpha).sqrt() * noise) / alpha.sqrt(), known

    def _timesteps(self, log_snr: Tensor) -> Tensor:
        """Where on its schedule the ratio of signal to noise is the same, between whole timesteps too."""
        falling = -self._log_snr
        after = torch.searchsorted(falling, -log_snr).clamp(1, len(falling) - 1)
        low, high = falling[after - 1], falling[after]
        found: Tensor = after - 1 + ((-log_snr - low) / (high - low)).clamp(0, 1)
        return found.float()
