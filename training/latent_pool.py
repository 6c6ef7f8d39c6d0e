"""Latents to draw batches from: all shards of encoded scenes that are there, and those that come."""

from pathlib import Path

import torch
from torch import Tensor

from training.grounding import Truth
from training.shards import Shard, read_shard, shard_path
from wordbrush.errors import SettingsError


class LatentPool:
    """Holds the shards of a folder; `look` takes in the ones written since."""

    def __init__(self, folder: Path) -> None:
        """Take in what is there. Raises `SettingsError` when that is nothing."""
        self._folder = folder
        self._shards: list[Shard] = []
        if not self.look():
            raise SettingsError(f"'{folder}' has no encoded scenes; write some with the command `latents`")

    def look(self) -> int:
        """Take in new shards; how many there are now."""
        while (path := shard_path(self._folder, len(self._shards))).exists():
            self._shards.append(read_shard(path))
        return len(self._shards)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, list[str], Truth]:
        """Latents (count, C, h, w), scaled as the U-Net sees them, the classes of their cells (count, h, w),
        captions, and what their words show.
        """
        size = len(self._shards[0].captions)
        chosen = torch.randint(len(self._shards) * size, (count,), generator=generator).tolist()
        places = [(self._shards[i // size], i % size) for i in chosen]
        return (
            torch.stack([shard.latents[i] for shard, i in places]).float(),
            torch.stack([shard.classes[i] for shard, i in places]).long(),
            [shard.captions[i] for shard, i in places],
            Truth(
                torch.stack([shard.truth.tokens[i] for shard, i in places]),
                torch.stack([shard.truth.masks[i] for shard, i in places]),
            ),
        )
