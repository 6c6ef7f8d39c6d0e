"""Encoded scenes, ready to train on: drawing and encoding each one afresh would cost more than training on it."""

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from wordbrush.scenes.batch import sample_scenes
from wordbrush.scenes.render import render
from wordbrush.scenes.training.grounding import NUM_PHRASES, Truth, truth_of
from wordbrush.scenes.training.networks import LATENT_SIZE
from wordbrush.scenes.training.tokenizer import MAX_LENGTH
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
        count = chunks * chunk_size
        self._latents = torch.empty(count, vae.config.latent_channels, LATENT_SIZE, LATENT_SIZE)
        self._truth = Truth(
            torch.empty(count, NUM_PHRASES, MAX_LENGTH), torch.empty(count, NUM_PHRASES, LATENT_SIZE, LATENT_SIZE)
        )
        self._captions = [""] * count
        self._next = refreshed
        for _ in range(chunks):
            self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Draw and encode a chunk of new scenes in the place of the oldest."""
        scenes = sample_scenes(self._seed, self._next, self._chunk_size)
        pictures, masks = zip(*map(render, scenes), strict=True)
        with torch.autocast(self._device, torch.bfloat16):
            encoded = self._vae.encode(to_tensor(torch.from_numpy(np.stack(pictures)), self._device))
        start = self._next % self._chunks * self._chunk_size
        place = slice(start, start + self._chunk_size)
        self._latents[place] = encoded.latent_dist.mean.float().cpu() * self._vae.config.scaling_factor
        truth = truth_of(scenes, masks, MAX_LENGTH, LATENT_SIZE)
        self._truth.tokens[place], self._truth.masks[place] = truth.tokens, truth.masks
        self._captions[place] = [scene.caption for scene in scenes]
        self._next += 1

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[str], Truth]:
        """Latents (count, C, h, w), scaled as the U-Net sees them, captions, and what their words show."""
        chosen = torch.randint(len(self._captions), (count,), generator=generator)
        return self._latents[chosen], [self._captions[i] for i in chosen.tolist()], self._truth[chosen]
