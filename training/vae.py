"""Train the autoencoder, then whiten its latents."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from training.networks import build_vae
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from training.upsampling import double_by_repeating
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.pixels import to_tensor

SEED = 11
KL_WEIGHT = 1e-5
DETAIL_SCALE = 0.5
"""Standard deviation of the latent channels that an earlier autoencoder did not have."""


def train_vae(
    folder: Path,
    schedule: Schedule,
    device: str,
    *,
    vae: AutoencoderKL | None = None,
    start: AutoencoderKL | None = None,
    batch_size: int = 8,
    compiled: bool = False,
) -> AutoencoderKL:
    """Train by a schedule and return the averaged, whitened autoencoder.

    `vae` stands in for the bundled size. `start` is an earlier autoencoder to begin with, of the same widths and as
    many latent channels or fewer; the first channels of the new one speak of the same as its.
    """
    torch.manual_seed(SEED)
    vae = vae or build_vae()
    with torch.no_grad():
        # Start with little noise on the latents: the untrained decoder would drown in it.
        vae.quant_conv.bias[vae.config.latent_channels :] = -6
    if start is not None:
        widen(start, vae)
    vae = vae.to(device, memory_format=torch.channels_last)
    matrices = [p for name, p in vae.named_parameters() if p.ndim >= 2 and "quant_conv" not in name]
    run = TrainingRun(folder, {"vae": vae}, schedule=schedule, ema_decay=0.995, matrices=matrices)
    double_by_repeating(vae)
    forward = torch.compile(_reconstruct) if compiled else _reconstruct

    def step(lot: int) -> tuple[Tensor, int]:
        pictures, _ = sample_batch(SEED, lot, batch_size, art="judge")
        x = to_tensor(torch.from_numpy(pictures), device)
        with fast_products(device):
            y, mean, logvar = forward(vae, x)
        return reconstruction_loss(y.float(), x) + KL_WEIGHT * _kl(mean.float(), logvar.float()), batch_size

    run.train(step)
    vae.load_state_dict(run.averaged("vae"))
    vae = vae.to("cpu").float().eval()
    pictures, _ = sample_batch(SEED + 1, 0, 512, art="judge")
    whiten(vae, to_tensor(torch.from_numpy(pictures), "cpu"), start)
    return vae


@torch.no_grad()
def widen(start: AutoencoderKL, vae: AutoencoderKL) -> None:
    """Give `vae` the weights of `start`; latent channels that it did not have begin beside the others, by chance."""
    old, new = start.config.latent_channels, vae.config.latent_channels
    ours, theirs = vae.state_dict(), start.state_dict()
    around_latents = ("encoder.conv_out", "quant_conv", "post_quant_conv", "decoder.conv_in")
    for name, values in theirs.items():
        if not name.startswith(around_latents):
            ours[name].copy_(values)
    for name in ("encoder.conv_out.weight", "encoder.conv_out.bias"):
        ours[name][: 2 * old] = theirs[name]
    ours["decoder.conv_in.weight"][:, :old] = theirs["decoder.conv_in.weight"]
    ours["decoder.conv_in.bias"].copy_(theirs["decoder.conv_in.bias"])
    before, after = ours["quant_conv.weight"], ours["post_quant_conv.weight"]
    before.zero_()
    after.zero_()
    ours["post_quant_conv.bias"].zero_()
    # Means are the first half of the channels, logarithms of variances the second.
    for half, known in ((slice(0, old), slice(0, old)), (slice(new, new + old), slice(old, 2 * old))):
        before[half, : 2 * old] = theirs["quant_conv.weight"][known]
        ours["quant_conv.bias"][half] = theirs["quant_conv.bias"][known]
    for channel in range(old, new):
        before[channel, old + channel] = 1
        after[channel, channel] = 1
    after[:old, :old] = theirs["post_quant_conv.weight"]
    ours["post_quant_conv.bias"][:old] = theirs["post_quant_conv.bias"]


def reconstruction_loss(y: Tensor, x: Tensor) -> Tensor:
    """Absolute and squared error of pixels, of their differences, which keeps edges sharp, and of means of 8 x 8, the
    colours of things; (B, 3, h, w) each.
    """
    error = y - x
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    colours = functional.avg_pool2d(error, 8).abs().mean()
    return error.abs().mean() + 2 * error.square().mean() + 0.75 * edges + 2 * colours


@torch.no_grad()
def whiten(vae: AutoencoderKL, pictures: Tensor, start: AutoencoderKL | None = None) -> None:
    """Fold an affine map into the 1 x 1 convolutions around the latents, so that they have mean 0 and covariance 1.

    The pipeline knows only one scaling factor for all channels; whitened latents need none. The first channels are
    turned to where those of `start` are on the same pictures, and as large: a denoiser of its latents can go on with
    these. Channels that it did not have are finer detail: they are made smaller, so that noise drowns them sooner.
    """
    flat = _latents(vae, pictures)
    channels = len(flat)
    mean = flat.mean(dim=1)
    values, vectors = torch.linalg.eigh(torch.cov(flat))
    whitening = vectors @ (vectors / values.sqrt()).T
    if start is not None:
        theirs = _latents(start, pictures)
        turn = _turn_towards(whitening @ (flat - mean[:, None]), theirs)
        scale = torch.full((channels,), DETAIL_SCALE, dtype=flat.dtype)
        scale[: len(theirs)] = theirs.std(dim=1)
        whitening = scale[:, None] * (turn @ whitening)
    before, after = vae.quant_conv, vae.post_quant_conv
    weight, bias = before.weight[:channels, :, 0, 0].double(), before.bias[:channels].double()
    before.weight[:channels, :, 0, 0] = (whitening @ weight).float()
    before.bias[:channels] = (whitening @ (bias - mean)).float()
    coloured = after.weight[:, :, 0, 0].double()
    after.bias += (coloured @ mean).float()
    after.weight[:, :, 0, 0] = (coloured @ torch.linalg.inv(whitening)).float()


def _latents(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """All cells' latents, (channels, cells)."""
    latents = torch.cat([vae.encode(chunk).latent_dist.mean for chunk in torch.split(pictures, 64)])
    return latents.permute(1, 0, 2, 3).flatten(1).double()


def _turn_towards(white: Tensor, towards: Tensor) -> Tensor:
    """The rotation (n, n) whose first rows take white latents (n, cells) nearest to `towards` (m, cells)."""
    shared = (towards - towards.mean(dim=1, keepdim=True)) @ white.T / white.shape[1]
    left, _, right = torch.linalg.svd(shared, full_matrices=True)
    rows = len(towards)
    return torch.cat([left @ right[:rows], right[rows:]])


def _reconstruct(vae: AutoencoderKL, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean, logvar = vae.quant_conv(vae.encoder(x)).chunk(2, dim=1)
    logvar = logvar.clamp(-12, 4)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    return vae.decoder(vae.post_quant_conv(z)), mean, logvar


def _kl(mean: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
