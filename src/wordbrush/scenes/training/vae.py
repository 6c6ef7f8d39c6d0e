"""Train the autoencoder, then whiten its latents."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.pixels import to_tensor
from wordbrush.scenes.training.networks import build_vae
from wordbrush.scenes.training.run import TrainingRun

SEED = 11
KL_WEIGHT = 1e-5
TEACHER_WEIGHT = 0.05
DECODER_NOISE = 0.08
"""Noise on whitened latents while the decoder is sharpened."""


def train_vae(
    folder: Path,
    minutes: float,
    device: str,
    *,
    vae: AutoencoderKL | None = None,
    teacher: AutoencoderKL | None = None,
    batch_size: int = 8,
    compiled: bool = False,
    max_steps: int | None = None,
) -> AutoencoderKL:
    """Train for a number of minutes in all and return the averaged, whitened autoencoder.

    `vae` stands in for the bundled size. The first latent channels learn to be those of `teacher`, an autoencoder of
    smaller pictures with latents of the same height and width: a denoiser of its latents can then go on with these.
    """
    torch.manual_seed(SEED)
    vae = (vae or build_vae()).to(device, memory_format=torch.channels_last)
    with torch.no_grad():
        # Start with little noise on the latents: the untrained decoder would drown in it.
        vae.quant_conv.bias[vae.config.latent_channels :] = -6
    run = TrainingRun(folder, {"vae": vae}, minutes=minutes, learning_rate=1.5e-3, ema_decay=0.995)
    forward = torch.compile(_reconstruct) if compiled else _reconstruct

    def step(index: int) -> tuple[Tensor, int]:
        pictures, _ = sample_batch(SEED, index, batch_size)
        x = to_tensor(torch.from_numpy(pictures), device)
        with torch.autocast(device, torch.bfloat16):
            y, mean, logvar = forward(vae, x)
            lesson = 0.0 if teacher is None else _distance(mean, teacher, x)
        loss = reconstruction_loss(y.float(), x) + KL_WEIGHT * _kl(mean.float(), logvar.float())
        return loss + TEACHER_WEIGHT * lesson, batch_size

    run.train(step, max_steps=max_steps)
    vae.load_state_dict(run.averaged("vae"))
    vae = vae.to("cpu").float().eval()
    pictures, _ = sample_batch(SEED + 1, 0, 512)
    whiten(vae, to_tensor(torch.from_numpy(pictures), "cpu"))
    return vae


def sharpen_decoder(
    folder: Path,
    vae: AutoencoderKL,
    minutes: float,
    device: str,
    *,
    batch_size: int = 8,
    max_steps: int | None = None,
) -> AutoencoderKL:
    """Train the decoder alone further, on slightly noisy latents: a denoiser that was trained on them stays valid.

    The noise stands for what a denoiser gets wrong, so that its pictures gain as much as reconstructions do.
    """
    vae = vae.to(device).eval()
    run = TrainingRun(folder, {"decoder": vae.decoder}, minutes=minutes, learning_rate=6e-4, ema_decay=0.99)

    def step(index: int) -> tuple[Tensor, int]:
        pictures, _ = sample_batch(SEED + 2, index, batch_size)
        x = to_tensor(torch.from_numpy(pictures), device)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                z = vae.encode(x).latent_dist.mean
                z = vae.post_quant_conv(z + DECODER_NOISE * torch.randn_like(z))
            y = vae.decoder(z)
        return reconstruction_loss(y.float(), x), batch_size

    run.train(step, max_steps=max_steps)
    vae.decoder.load_state_dict(run.averaged("decoder"))
    return vae.to("cpu")


def reconstruction_loss(y: Tensor, x: Tensor) -> Tensor:
    """Absolute and squared error of pixels, of their differences, which keeps edges sharp, and of means of 8 x 8, the
    colours of things; (B, 3, h, w) each.
    """
    error = y - x
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    colours = functional.avg_pool2d(error, 8).abs().mean()
    return error.abs().mean() + 2 * error.square().mean() + 0.75 * edges + 2 * colours


@torch.no_grad()
def whiten(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Fold an affine map into the 1 x 1 convolutions around the latents, so that they have mean 0 and covariance 1.

    The pipeline knows only one scaling factor for all channels; whitened latents need none. Each channel is cleared of
    those before it, so that the first ones, which a teacher may have given, stay nearly what they are.
    """
    latents = torch.cat([vae.encode(chunk).latent_dist.mean for chunk in torch.split(pictures, 64)])
    channels = latents.shape[1]
    flat = latents.permute(1, 0, 2, 3).reshape(channels, -1).double()
    mean = flat.mean(dim=1)
    whitening = torch.linalg.inv(torch.linalg.cholesky(torch.cov(flat)))
    before, after = vae.quant_conv, vae.post_quant_conv
    weight, bias = before.weight[:channels, :, 0, 0].double(), before.bias[:channels].double()
    before.weight[:channels, :, 0, 0] = (whitening @ weight).float()
    before.bias[:channels] = (whitening @ (bias - mean)).float()
    coloured = after.weight[:, :, 0, 0].double()
    after.bias += (coloured @ mean).float()
    after.weight[:, :, 0, 0] = (coloured @ torch.linalg.inv(whitening)).float()


def _reconstruct(vae: AutoencoderKL, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean, logvar = vae.quant_conv(vae.encoder(x)).chunk(2, dim=1)
    logvar = logvar.clamp(-12, 4)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    return vae.decoder(vae.post_quant_conv(z)), mean, logvar


def _distance(mean: Tensor, teacher: AutoencoderKL, x: Tensor) -> Tensor:
    """How far the first channels are from the teacher's latents of the same pictures, reduced to its size."""
    with torch.no_grad():
        small = functional.interpolate(x, size=(teacher.config.sample_size,) * 2, mode="area")
        told = teacher.encode(small).latent_dist.mean
    distance: Tensor = (mean[:, : told.shape[1]] - told).float().square().mean()
    return distance


def _kl(mean: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
