"""Which models there are to edit with: the bundled one, its joint sister, those in the hub's local cache, and those
known to fit.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wordbrush.errors import ModelError, escaped
from wordbrush.models.folder import bundled_folder, check_folder, joint_folder, read_config
from wordbrush.models.own_settings import read_own_settings

Where = Literal["bundled", "checkout", "local cache", "on the hub"]

KNOWN = {
    "CompVis/stable-diffusion-v1-4": "512 x 512; the model of the report's figures",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "512 x 512",
    "stabilityai/stable-diffusion-2-1-base": "512 x 512",
    "stabilityai/stable-diffusion-2-1": "768 x 768, v-prediction",
    "stabilityai/sd-turbo": "512 x 512; 1 to 4 steps without guidance",
    "stabilityai/stable-diffusion-xl-base-1.0": "1024 x 1024",
    "stabilityai/sdxl-turbo": "512 x 512; 1 to 4 steps without guidance",
    "PixArt-alpha/PixArt-XL-2-512x512": "512 x 512",
    "PixArt-alpha/PixArt-XL-2-1024-MS": "1024 x 1024",
    "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS": "1024 x 1024",
    "stabilityai/stable-diffusion-3-medium-diffusers": "1024 x 1024",
    "stabilityai/stable-diffusion-3.5-medium": "1024 x 1024",
    "stabilityai/stable-diffusion-3.5-large": "1024 x 1024",
    "black-forest-labs/FLUX.1-dev": "1024 x 1024; no negative prompt",
    "black-forest-labs/FLUX.1-schnell": "1024 x 1024; 4 steps, no guidance, no negative prompt",
    "Qwen/Qwen-Image": "1024 x 1024",
    "Tongyi-MAI/Z-Image": "1024 x 1024",
    "Tongyi-MAI/Z-Image-Turbo": "1024 x 1024; 8 steps, guidance_scale 0",
    "black-forest-labs/FLUX.2-dev": "1024 x 1024; no negative prompt",
    "black-forest-labs/FLUX.2-klein-4B": "1024 x 1024; 4 steps, no guidance, no negative prompt",
    "black-forest-labs/FLUX.2-klein-base-9B": "1024 x 1024",
}
"""Models whose layout the adapter was written for, by hub id."""


@dataclass(frozen=True)
class ListedModel:
    """A model's name as `--model` takes it ("" for the bundled one), where it is, its folder if on this machine, and
    a note in words; `problem` says why it cannot be edited with, if it cannot.
    """

    name: str
    where: Where
    folder: Path | None
    note: str
    problem: str | None = None


def list_models() -> list[ListedModel]:
    """All models that can be named, those on this machine first. Nothing is fetched or loaded.

    >>> list_models()[0].where
    'bundled'
    """
    bundled, joint = bundled_folder(), joint_folder()
    words = read_own_settings(bundled)[1] or ()
    listed = [ListedModel("", "bundled", bundled, f"{_size(bundled)}; knows {len(words)} words")]
    if joint is not None:
        note = f"{_size(joint)}; the same words by joint attention, of Stable Diffusion 3's class"
        listed.append(ListedModel(str(joint), "checkout", joint, note))
    cached = _cached()
    listed += cached
    here = {model.name for model in cached}
    return listed + [ListedModel(name, "on the hub", None, note) for name, note in KNOWN.items() if name not in here]


def _cached() -> list[ListedModel]:
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            repositories = scan_cache_dir().repos
    except (CacheNotFound, OSError, ValueError):  # ValueError: a file in the cache's place
        return []
    found = []
    for repository in sorted(repositories, key=lambda repository: repository.repo_id):
        snapshots = sorted(repository.revisions, key=lambda revision: revision.last_modified, reverse=True)
        folder = next((s.snapshot_path for s in snapshots if (s.snapshot_path / "model_index.json").is_file()), None)
        if repository.repo_type == "model" and folder is not None:
            found.append(_listed(repository.repo_id, folder))
    return found


def _listed(name: str, folder: Path) -> ListedModel:
    try:
        check_folder(folder)
        return ListedModel(name, "local cache", folder, _size(folder))
    except (ModelError, OSError) as error:
        return ListedModel(name, "local cache", folder, "", escaped(str(error)))


def _size(folder: Path) -> str:
    """The pictures' size in words, from the configurations."""
    denoiser = "unet" if (folder / "unet").is_dir() else "transformer"
    vae, network = (read_config(folder, part, "config.json") for part in ("vae", denoiser))
    cells, blocks = network.get("sample_size"), vae.get("block_out_channels")
    sides = cells if isinstance(cells, list) else [cells, cells]
    if not isinstance(blocks, list) or len(sides) != 2 or not all(isinstance(side, int) for side in sides):
        return "size not known"
    height, width = (side * 2 ** (len(blocks) - 1) for side in sides)
    return f"{height} x {width}"
