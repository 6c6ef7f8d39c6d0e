"""Encoded scenes on disk: one process draws and encodes without end, another trains on what is there so far."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from training.grounding import Truth, truth_of
from training.precision import fast_products
from wordbrush.files import write_atomically
from wordbrush.scenes.batch import sample_scenes
from wordbrush.scenes.judge.labels import classes_of_masks
from wordbrush.scenes.pixels import to_tensor
from wordbrush.scenes.render import render

SHARD_SIZE = 256


@dataclass(frozen=True, eq=False)
class Shard:
    """Encoded scenes: latents (N, C, h, w) in half precision, what each cell shows as class numbers (N, h, w) in
    bytes, where the captions' phrases are and what they show, and the captions.
    """

    latents: Tensor
    classes: Tensor
    truth: Truth
    captions: list[str]


@torch.no_grad()
def encode_shard(vae: AutoencoderKL, seed: int, index: int, count: int, length: int, device: str) -> Shard:
    """Draw shard `index` of the stream `seed` and encode it; `length` is that of the text axis."""
    scenes = sample_scenes(seed, index, count)
    pictures, masks = zip(*map(render, scenes), strict=True)
    with fast_products(device):
        pixels = to_tensor(torch.from_numpy(np.stack(pictures)), device)
        latents = torch.cat([vae.encode(part).latent_dist.mean for part in torch.split(pixels, 32)])
    size = latents.shape[-1]
    classes = [classes_of_masks(shown, scene.cast.place, size) for scene, shown in zip(scenes, masks, strict=True)]
    scaled = latents.float().cpu() * vae.config.scaling_factor
    return Shard(
        scaled.half().contiguous(),
        torch.stack(classes).to(torch.uint8),
        truth_of(scenes, masks, length, size),
        [scene.caption for scene in scenes],
    )


def write_shard(shard: Shard, path: Path) -> None:
    """Write a shard, whole or not at all."""
    tensors = {
        "latents": shard.latents,
        "classes": shard.classes,
        "tokens": shard.truth.tokens.to(torch.uint8),
        "masks": shard.truth.masks.half(),
    }
    write_atomically(path, save(tensors, {"captions": json.dumps(shard.captions)}))


def read_shard(path: Path) -> Shard:
    """Read what `write_shard` wrote."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in ("latents", "classes", "tokens", "masks")}
        captions = json.loads(file.metadata()["captions"])
    truth = Truth(tensors["tokens"].float(), tensors["masks"].float())
    return Shard(tensors["latents"], tensors["classes"], truth, captions)


def write_shards(
    folder: Path, vae: AutoencoderKL, *, seed: int, count: int, length: int, device: str, size: int = SHARD_SIZE
) -> Iterator[int]:
    """Write those of the first `count` shards of a stream that are not there yet; yields each number that is there."""
    vae = vae.to(device).eval()
    for index in range(count):
        path = shard_path(folder, index)
        if not path.exists():
            write_shard(encode_shard(vae, seed, index, size, length, device), path)
        yield index


def shard_path(folder: Path, index: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{index:06d}.safetensors"
