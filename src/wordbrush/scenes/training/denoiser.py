"""Train the U-Net and the text encoder together on the autoencoder's latents."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from wordbrush.scenes.training.inherit import inherit
from wordbrush.scenes.training.latent_pool import LatentPool
from wordbrush.scenes.training.networks import build_scheduler, build_text_encoder, build_unet
from wordbrush.scenes.training.run import TrainingRun
from wordbrush.scenes.training.tokenizer import build_tokenizer
from wordbrush.scenes.vocabulary import known_words

SEED = 23
UNCONDITIONAL_SHARE = 0.1
SNR_LIMIT = 5.0
REFRESH_EVERY = 8
"""Steps between two refreshments of the pool."""


def train_denoiser(
    folder: Path,
    vae: AutoencoderKL,
    minutes: float,
    device: str,
    *,
    unet: UNet2DConditionModel | None = None,
    start: Path | None = None,
    learning_rate: float = 1e-3,
    batch_size: int = 64,
    pool_chunks: int = 120,
    compiled: bool = False,
    max_steps: int | None = None,
    on_save: Callable[[TrainingRun], None] | None = None,
) -> TrainingRun:
    """Train for a number of minutes in all; the averaged states are in the run that is returned.

    Epsilon prediction on Stable Diffusion's schedule; the loss is weighted by min-SNR (Hang et al. 2023).
    `unet` stands in for the bundled size; `start` is the folder of an earlier model to begin from; `on_save` is called with the run whenever its state was saved.
    """
    torch.manual_seed(SEED)
    tokenizer = build_tokenizer(known_words())
    unet, text = unet or build_unet(), build_text_encoder(tokenizer)
    if start is not None:
        inherit(unet, text, tokenizer, start)
    unet, text = unet.to(device, memory_format=torch.channels_last), text.to(device)
    run = TrainingRun(folder, {"unet": unet, "text_encoder": text}, minutes=minutes, learning_rate=learning_rate)
    pool = LatentPool(
        vae.to(device).eval(),
        chunks=pool_chunks,
        chunk_size=4 * batch_size,
        device=device,
        seed=SEED,
        refreshed=run.step // REFRESH_EVERY,
    )
    predict = torch.compile(unet) if compiled else unet

    def step(index: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + index)
        latents, captions = pool.draw(batch_size, generator)
        if index % REFRESH_EVERY == REFRESH_EVERY - 1:
            pool.refresh()
        ids = _some_without_caption(tokenizer, captions, generator)
        with torch.autocast(device, torch.bfloat16):
            return denoising_loss(predict, text, latents, ids, generator, device), batch_size

    run.train(step, max_steps=max_steps, on_save=None if on_save is None else lambda: on_save(run))
    return run


def denoising_loss(
    predict: Callable[..., Any],
    text: CLIPTextModel,
    latents: Tensor,
    ids: Tensor,
    generator: torch.Generator,
    device: str,
) -> Tensor:
    """How far a U-Net (`predict`) is from the noise put on latents (B, C, h, w), told tokens `ids` (B, T); min-SNR."""
    noisy, noise, timesteps, weight = _noised(latents, generator)
    noisy = noisy.to(device, memory_format=torch.channels_last)
    words = text(ids.to(device))[0]
    predicted = predict(noisy, timesteps.to(device), encoder_hidden_states=words, return_dict=False)[0]
    error = (predicted.float() - noise.to(device)).square().mean(dim=(1, 2, 3))
    loss: Tensor = (error * weight.to(device)).mean()
    return loss


def _some_without_caption(tokenizer: CLIPTokenizer, captions: list[str], generator: torch.Generator) -> Tensor:
    dropped = torch.rand(len(captions), generator=generator) < UNCONDITIONAL_SHARE
    prompts = ["" if drop else caption for drop, caption in zip(dropped.tolist(), captions, strict=True)]
    ids: Tensor = tokenizer(prompts, padding="max_length", return_tensors="pt").input_ids
    return ids


def _noised(latents: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noisy latents, their noise (B, C, h, w), and timesteps and loss weights (B,)."""
    signal = build_scheduler().alphas_cumprod
    # One timestep from each of B equal ranges: the loss of a batch varies less than with independent ones.
    place = (torch.arange(len(latents)) + torch.rand(len(latents), generator=generator)) / len(latents)
    timesteps = (place * len(signal)).long()
    noise = torch.randn(latents.shape, generator=generator)
    alpha = signal[timesteps]
    snr = alpha / (1 - alpha)
    a = alpha[:, None, None, None]
    return a.sqrt() * latents + (1 - a).sqrt() * noise, noise, timesteps, snr.clamp(max=SNR_LIMIT) / snr
