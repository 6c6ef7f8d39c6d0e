"""What all families do alike around their latents: the noise to begin with, pictures to latents and back, and the
network without a block.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from wordbrush.models.autoencoder import check_finite, check_rgb, decode_picture, encode_picture, scaled, unscaled
from wordbrush.models.bypass import skipped
from wordbrush.models.memory import memory_shortage_told


class LatentDiffusion(ABC):
    """A network that denoises latents, beside the autoencoder of these (Rombach et al. 2022, arXiv:2112.10752)."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the model computes."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """What the model computes in."""

    @abstractmethod
    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture; `SettingsError` for one that has none."""

    @property
    @abstractmethod
    def _network(self) -> Any:
        """What denoises."""

    @property
    @abstractmethod
    def _autoencoder(self) -> Any:
        """What makes latents of pictures, and pictures of latents."""

    @property
    @abstractmethod
    def _channels(self) -> int:
        """How many channels latents have."""

    @property
    def _latent_dtype(self) -> torch.dtype:
        """What latents are kept in between steps."""
        return self.dtype

    def noise(self, seed: int, height: int, width: int) -> Tensor:
        """Gaussian latents (1, C, h, w), drawn on the CPU so that a seed means the same on every device."""
        shape = (1, self._channels, *self.latent_size(height, width))
        generator = torch.Generator("cpu").manual_seed(seed)
        with memory_shortage_told(f"a picture of {height} x {width}"):
            return torch.randn(shape, generator=generator, dtype=self._latent_dtype).to(self.device)

    def bypassed(self, block: str) -> AbstractContextManager[None]:
        """A scope in which a block of the network hands on what it is given."""
        return skipped(self._network, block)

    def encode_image(self, image: Image) -> Tensor:
        """The mean latents (1, C, h, w) of an RGB picture. Raises `SettingsError` for a mode or size that has none."""
        check_rgb(image)
        self.latent_size(image.height, image.width)
        return self._scaled(encode_picture(self._autoencoder, image, self.device).to(self._latent_dtype))

    def decode(self, latents: Tensor) -> Image:
        """The RGB picture of latents (1, C, h, w). Raises `OutputError` when it is not one."""
        check_finite(latents)
        return decode_picture(self._autoencoder, self._unscaled(latents))

    def _scaled(self, latents: Tensor) -> Tensor:
        """An autoencoder's latents as the network was trained to see them."""
        return scaled(self._autoencoder, latents)

    def _unscaled(self, latents: Tensor) -> Tensor:
        """The autoencoder's latents of the network's."""
        return unscaled(self._autoencoder, latents)
