"""Encoded scenes, ready to train on: drawing and encoding each one afresh would cost more than training on it."""

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.training.networks import LATENT_SIZE
from wordbrush.scenes.training.vae import to_tensor


class LatentPool:
    """A ring of encoded scenes, drawn from at random and slowly replaced by new ones, so that none is learnt by heart.

    What it holds depends only on how often it was refreshed: a run that goes on finds the same scenes again.
    """

    def __init__(
        self, vae: AutoencoderKL, *, chunks: int, chunk_size: int, device: str, seed: int, refreshed: int
    ) -> None:
        """Fill the ring with `chunks` batches of the stream `seed`, as it stands after `refreshed` refreshments."""
        self._vae = vae
        self._seed = seed
        self._device = device
        self._chunk_size = chunk_size
        self._chunks = chunks
        self._latents = torch.empty(
            chunks * chunk_size, vae.config.latent_channels, LATENT_SIZE, LATENT_SIZE
        )
        self._captions = [""] * (chunks * chunk_size)
        self._next = refreshed
        for _ in range(chunks):
            self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Draw and encode a chunk of new scenes in the place of the oldest."""
        pictures, captions = sample_batch(self._seed, self._next, self._chunk_size)
        with torch.autocast(self._device, torch.bfloat16):
            latents = self._vae.encode(to_tensor(torch.from_numpy(pictures), self._device)).latent_dist.mean
        start = self._next % self._chunks * self._chunk_size
        place = slice(start, start + self._chunk_size)
        self._latents[place] = latents.float().cpu() * self._vae.config.scaling_factor
        self._captions[place] = captions
        self._next += 1

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
        """Latents (count, C, h, w), scaled as the U-Net sees them, and captions."""
        chosen = torch.randint(len(self._captions), (count,), generator=generator)
        return self._latents[chosen], [self._captions[i] for i in chosen.tolist()]
