"""Scenes encoded to disk, and drawn from there."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from training.__main__ import latents
from training.latent_pool import LatentPool
from training.shards import encode_shard, read_shard, shard_path, write_shard, write_shards
from training.tokenizer import MAX_LENGTH
from wordbrush.errors import SettingsError


def test_a_shard_is_read_as_it_was_written(tmp_path: Path, vae: AutoencoderKL) -> None:
    shard = encode_shard(vae, 3, 1, 3, MAX_LENGTH, "cpu")
    write_shard(shard, shard_path(tmp_path, 0))
    again = read_shard(shard_path(tmp_path, 0))
    assert again.captions == shard.captions
    assert torch.equal(again.latents, shard.latents)
    assert torch.equal(again.classes, shard.classes)
    assert torch.equal(again.truth.tokens, shard.truth.tokens)
    assert torch.allclose(again.truth.masks, shard.truth.masks, atol=1e-3)


def test_a_pool_takes_in_shards_as_they_come(tmp_path: Path, vae: AutoencoderKL) -> None:
    with pytest.raises(SettingsError, match="latents"):
        LatentPool(tmp_path)
    list(write_shards(tmp_path, vae, seed=1, count=1, length=MAX_LENGTH, device="cpu", size=3))
    pool = LatentPool(tmp_path)
    list(write_shards(tmp_path, vae, seed=1, count=3, length=MAX_LENGTH, device="cpu", size=3))
    assert pool.look() == 3
    latents, classes, captions, truth = pool.draw(5, torch.Generator().manual_seed(0))
    assert (len(latents), len(classes), len(captions), len(truth.tokens)) == (5, 5, 5, 5)
    known = [caption for index in range(3) for caption in read_shard(shard_path(tmp_path, index)).captions]
    assert set(captions) <= set(known)


def test_scenes_without_an_autoencoder_say_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"vae/final.*the command `vae`"):
        latents(tmp_path, scenes=1)
