"""Train the autoencoder's decoder further, for sharp edges; its latents, and denoisers trained on them, stay valid."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from torch import Tensor

from training.adversary import Adversary, adversary_loss, balanced, give_away
from training.noising import guessed, noised
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from training.upsampling import double_by_repeating
from training.vae import reconstruction_loss
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.pixels import to_tensor

SEED = 13
MOST_NOISE = 0.05
"""Greatest standard deviation of the noise on whitened latents of scenes."""
MOST_STEPS = 300
"""Highest timestep of scenes that a denoiser guesses; above it, it guesses other shapes than the scene's."""
SHARE = 1.0
"""Length of the adversary's gradient beside that of the error of pixels."""


def sharpen_decoder(
    folder: Path,
    vae: AutoencoderKL,
    schedule: Schedule,
    device: str,
    *,
    denoiser: StableDiffusionPipeline | None = None,
    batch_size: int = 8,
    compiled: bool = False,
) -> AutoencoderKL:
    """Train the decoder alone by a schedule, against an adversary; returns the autoencoder with its average.

    Half of the latents are a scene's with a little noise; the other half are what `denoiser` makes of a noised scene,
    so that its pictures become as sharp as reconstructions do. Without one, all are scenes'.
    """
    torch.manual_seed(SEED)
    vae, adversary = vae.to(device, memory_format=torch.channels_last).eval(), Adversary().to(device)
    matrices = [p for p in vae.decoder.parameters() if p.ndim >= 2]
    run = TrainingRun(
        folder, {"decoder": vae.decoder, "adversary": adversary}, schedule=schedule, ema_decay=0.998, matrices=matrices
    )
    double_by_repeating(vae.decoder)
    decode = torch.compile(vae.decoder) if compiled else vae.decoder
    if denoiser is not None:
        denoiser.unet.to(device)
        denoiser.text_encoder.to(device)
    errors: list[Tensor] = []

    def step(lot: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        pictures, captions = sample_batch(SEED, lot, batch_size)
        x = to_tensor(torch.from_numpy(pictures), device)
        with fast_products(device):
            with torch.no_grad():
                z = vae.encode(x).latent_dist.mean.float()
                strength = MOST_NOISE * torch.rand(batch_size, 1, 1, 1, generator=generator)
                noised = z + (strength * torch.randn(z.shape, generator=generator)).to(device)
                if denoiser is not None:
                    half = batch_size // 2
                    noised[:half] = guess(denoiser, z[:half], captions[:half], generator)
                inside = vae.post_quant_conv(noised)
            y = decode(inside).float()
            errors.append((y.detach() - x).square().mean())
            loss = balanced(y, reconstruction_loss(y, x), give_away(adversary, y, x), SHARE)
            return loss + adversary_loss(adversary, y, x), batch_size

    def report() -> dict[str, float]:
        mean = torch.stack(errors).mean()
        errors.clear()
        return {"psnr": round(float(10 * torch.log10(4 / mean)), 2)}

    run.train(step, report=report)
    vae.decoder.load_state_dict(run.averaged("decoder"))
    return vae.to("cpu")


@torch.no_grad()
def guess(
    denoiser: StableDiffusionPipeline, latents: Tensor, captions: list[str], generator: torch.Generator
) -> Tensor:
    """What a denoiser takes `latents` (B, C, h, w), scaled as it sees them, for after some noise, in one step."""
    count, device = len(latents), latents.device
    timesteps = torch.randint(MOST_STEPS, (count,), generator=generator)
    signal = denoiser.scheduler.alphas_cumprod[timesteps][:, None, None, None].to(device)
    noise = torch.randn(latents.shape, generator=generator).to(device)
    ids = denoiser.tokenizer(captions, padding="max_length", return_tensors="pt").input_ids.to(device)
    noisy = noised(latents, noise, signal)
    words = denoiser.text_encoder(ids)[0]
    predicted = denoiser.unet(noisy, timesteps.to(device), encoder_hidden_states=words).sample.float()
    return guessed(noisy, predicted, signal)
