"""Train the U-Net and the text encoder together on the autoencoder's latents."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.training.networks import LATENT_SIZE, build_scheduler, build_text_encoder, build_unet
from wordbrush.scenes.training.run import TrainingRun
from wordbrush.scenes.training.tokenizer import build_tokenizer
from wordbrush.scenes.training.vae import to_tensor
from wordbrush.scenes.vocabulary import known_words

SEED = 23
UNCONDITIONAL_SHARE = 0.1
SNR_LIMIT = 5.0


class LatentPool:
    """Encoded scenes in a ring: drawn from at random, slowly replaced, so that none is learnt by heart."""

    def __init__(self, vae: AutoencoderKL, size: int, device: str, seed: int, start: int) -> None:
        """Fill a ring of `size` scenes from batch `start` of the stream `seed`."""
        self._vae = vae
        self._seed = seed
        self._next = start
        self._device = device
        self._chunk = min(256, size)
        self._latents = torch.empty(size, 4, LATENT_SIZE, LATENT_SIZE)
        self._captions = [""] * size
        self._cursor = 0
        for _ in range(size // self._chunk):
            self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Draw and encode some new scenes in the place of the oldest."""
        pictures, captions = sample_batch(self._seed, self._next, self._chunk)
        with torch.autocast(self._device, torch.bfloat16):
            latents = self._vae.encode(to_tensor(torch.from_numpy(pictures), self._device)).latent_dist.mean
        place = slice(self._cursor, self._cursor + self._chunk)
        self._latents[place] = latents.float().cpu()
        self._captions[place] = captions
        self._next += 1
        self._cursor = (self._cursor + self._chunk) % (len(self._captions) - self._chunk + 1)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
        """Latents (count, 4, 16, 16) and captions."""
        chosen = torch.randint(len(self._captions), (count,), generator=generator)
        return self._latents[chosen], [self._captions[i] for i in chosen.tolist()]


def train_denoiser(
    folder: Path,
    vae: AutoencoderKL,
    minutes: float,
    device: str,
    batch_size: int = 64,
    pool_size: int = 30_000,
    compiled: bool = True,
) -> TrainingRun:
    """Train for a number of minutes in all; the averaged states are in the run that is returned.

    Epsilon prediction on Stable Diffusion's schedule; the loss is weighted by min-SNR (Hang et al. 2023).
    """
    torch.manual_seed(SEED)
    tokenizer = build_tokenizer(known_words())
    unet = build_unet().to(device, memory_format=torch.channels_last)
    text = build_text_encoder(tokenizer).to(device)
    run = TrainingRun(folder, {"unet": unet, "text_encoder": text}, minutes=minutes, learning_rate=1e-3)
    # A run that goes on must not see the scenes that it began with again.
    pool = LatentPool(vae.to(device), pool_size, device, SEED, start=run.step)
    signal = build_scheduler().alphas_cumprod
    predict = torch.compile(unet) if compiled else unet

    def step(index: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + index)
        if index % 32 == 31:
            pool.refresh()
        latents, captions = pool.draw(batch_size, generator)
        dropped = torch.rand(batch_size, generator=generator) < UNCONDITIONAL_SHARE
        prompts = ["" if drop else caption for drop, caption in zip(dropped.tolist(), captions, strict=True)]
        ids = tokenizer(prompts, padding="max_length", return_tensors="pt").input_ids.to(device)
        timesteps = torch.randint(len(signal), (batch_size,), generator=generator)
        noise = torch.randn(latents.shape, generator=generator)
        alpha = signal[timesteps][:, None, None, None]
        noisy = (alpha.sqrt() * latents + (1 - alpha).sqrt() * noise).to(device, memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16):
            predicted = predict(noisy, timesteps.to(device), encoder_hidden_states=text(ids)[0], return_dict=False)[0]
        error = (predicted.float() - noise.to(device)).square().mean(dim=(1, 2, 3))
        snr = (alpha / (1 - alpha)).flatten()
        return (error * (snr.clamp(max=SNR_LIMIT) / snr).to(device)).mean(), batch_size

    run.train(step)
    return run
