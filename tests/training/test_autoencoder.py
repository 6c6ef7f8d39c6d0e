"""The autoencoder: whitened and widened."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL

from helpers.rounding import assert_same
from training.schedule import Schedule
from training.vae import train_vae, whiten, widen
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.pixels import to_tensor

PRODUCTS = 30 * 9 * 8
"""Layers of the tiny autoencoder times the products in a sum: 3 x 3 pixels of 8 channels."""


def test_the_trained_autoencoder_is_whitened(tmp_path: Path, vae: AutoencoderKL) -> None:
    trained = train_vae(tmp_path, Schedule(1e-3, steps=3), "cpu", vae=vae, batch_size=4)
    pictures, _ = sample_batch(12, 0, 128)
    with torch.no_grad():
        latents = trained.encode(to_tensor(torch.from_numpy(pictures), "cpu")).latent_dist.mean
    spread = latents.transpose(0, 1).flatten(1).std(dim=1)
    assert torch.allclose(spread, torch.ones(4), atol=0.25)
    assert trained.config.scaling_factor == 1.0


def wider(vae: AutoencoderKL) -> AutoencoderKL:
    return AutoencoderKL.from_config({**vae.config, "latent_channels": 6}).eval()


def test_a_widened_autoencoder_begins_where_the_earlier_one_is(vae: AutoencoderKL) -> None:
    more = wider(vae)
    with torch.no_grad():
        more.decoder.conv_in.weight[:, 4:] = 0
        widen(vae, more)
        x = to_tensor(torch.from_numpy(sample_batch(1, 0, 2)[0]), "cpu")
        before, after = vae.encode(x).latent_dist, more.encode(x).latent_dist
        assert_same(after.mean[:, :4], before.mean, PRODUCTS)
        assert_same(after.logvar[:, :4], before.logvar, PRODUCTS)
        assert_same(more.decode(after.mean).sample, vae.decode(before.mean).sample, PRODUCTS)


def test_whitening_turns_the_first_channels_to_those_of_the_earlier_autoencoder(vae: AutoencoderKL) -> None:
    x = to_tensor(torch.from_numpy(sample_batch(1, 0, 24)[0]), "cpu")
    whiten(vae, x)
    more = wider(vae)
    with torch.no_grad():
        widen(vae, more)
        whiten(more, x, vae)
        flat = more.encode(x).latent_dist.mean.permute(1, 0, 2, 3).flatten(1)
        theirs = vae.encode(x).latent_dist.mean.permute(1, 0, 2, 3).flatten(1)
    # Both are white and one holds the other: the first channels are the earlier ones.
    torch.testing.assert_close(flat[:4], theirs, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(flat), torch.diag(torch.tensor([1, 1, 1, 1, 0.25, 0.25])), atol=0.02, rtol=0)


def test_whitening_does_not_change_what_is_decoded(vae: AutoencoderKL) -> None:
    pictures, _ = sample_batch(1, 0, 16)
    x = to_tensor(torch.from_numpy(pictures), "cpu")
    with torch.no_grad():
        before = vae.decode(vae.encode(x).latent_dist.mean).sample
        whiten(vae, x)
        latents = vae.encode(x).latent_dist.mean
        after = vae.decode(latents).sample
    assert_same(after, before, PRODUCTS, amplified=10)  # whitened latents are turned and turned back
    covariance = torch.cov(latents.transpose(0, 1).flatten(1))
    assert torch.allclose(covariance, torch.eye(4), atol=1e-2)
