"""Train the U-Net and the text encoder together on the autoencoder's latents."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from wordbrush.models.intercept import Intercept, attention_layers
from wordbrush.scenes.training.grounding import Truth, WordMaps, grounding_loss
from wordbrush.scenes.training.inherit import inherit
from wordbrush.scenes.training.latent_pool import LatentPool
from wordbrush.scenes.training.networks import build_scheduler, build_text_encoder, build_unet
from wordbrush.scenes.training.run import TrainingRun
from wordbrush.scenes.training.tokenizer import build_tokenizer
from wordbrush.scenes.vocabulary import known_words

SEED = 23
UNCONDITIONAL_SHARE = 0.1
SNR_LIMIT = 5.0
GROUNDING_WEIGHT = 0.15
GROUNDED_STEPS = 850
"""Above this timestep there is too little to see for words to know where to look."""
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
    max_steps: int | None = None,
    on_save: Callable[[TrainingRun], None] | None = None,
) -> TrainingRun:
    """Train for a number of minutes in all; the averaged states are in the run that is returned.

    Epsilon prediction on Stable Diffusion's schedule; the loss is weighted by min-SNR (Hang et al. 2023), and words
    are taught to look at what they name. `unet` stands in for the bundled size; `start` is the folder of an earlier
    model to begin from; `on_save` is called with the run whenever its state was saved.
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

    def step(index: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + index)
        latents, captions, truth = pool.draw(batch_size, generator)
        if index % REFRESH_EVERY == REFRESH_EVERY - 1:
            pool.refresh()
        captioned = torch.rand(batch_size, generator=generator) >= UNCONDITIONAL_SHARE
        batch = Batch(latents, _tokens(tokenizer, captions, captioned), captioned, truth)
        with torch.autocast(device, torch.bfloat16):
            return denoising_loss(unet, text, batch, generator, device), batch_size

    run.train(step, max_steps=max_steps, on_save=None if on_save is None else lambda: on_save(run))
    return run


@dataclass(frozen=True, eq=False)
class Batch:
    """Latents (B, C, h, w), their tokens (B, T), which rows kept their caption (B,), and what captions show."""

    latents: Tensor
    ids: Tensor
    captioned: Tensor
    truth: Truth


def denoising_loss(
    unet: UNet2DConditionModel, text: CLIPTextModel, batch: Batch, generator: torch.Generator, device: str
) -> Tensor:
    """How far a U-Net is from the noise put on latents, by min-SNR, and its words from what they name."""
    noisy, noise, timesteps, weight = _noised(batch.latents, generator)
    noisy = noisy.to(device, memory_format=torch.channels_last)
    words = text(batch.ids.to(device))[0]
    maps = WordMaps()
    cross = {name: layer for name, layer in attention_layers(unet).items() if layer.is_cross_attention}
    with Intercept(cross, maps):
        predicted = unet(noisy, timesteps.to(device), encoder_hidden_states=words, return_dict=False)[0]
    error = (predicted.float() - noise.to(device)).square().mean(dim=(1, 2, 3))
    truth = Truth(batch.truth.tokens.to(device), batch.truth.masks.to(device))
    seen = (batch.captioned & (timesteps < GROUNDED_STEPS)).float().to(device)
    loss: Tensor = (error * weight.to(device)).mean()
    return loss + GROUNDING_WEIGHT * grounding_loss(maps.maps, truth, seen)


def _tokens(tokenizer: CLIPTokenizer, captions: list[str], captioned: Tensor) -> Tensor:
    prompts = [caption if kept else "" for caption, kept in zip(captions, captioned.tolist(), strict=True)]
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
