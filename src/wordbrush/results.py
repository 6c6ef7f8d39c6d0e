"""What an editor gives back: a source that can be edited again, and edits of it."""

from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image
from torch import Tensor

from wordbrush.edits.settings import EditSettings
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.masks import mask_picture
from wordbrush.png_text import save_plain_png, save_png
from wordbrush.records import RunRecord, save_record
from wordbrush.sampling.loop import KeptSource
from wordbrush.sampling.settings import GenerationSettings


@dataclass(frozen=True, eq=False)
class Source:
    """A generated picture with what its edits need: its latents at each step and, within a budget, its attention.

    `maps` are those that its run was asked to capture.
    """

    image: Image
    settings: GenerationSettings
    kept: KeptSource
    record: RunRecord
    maps: AttentionMaps | None = None

    @property
    def prompt(self) -> str:
        """The prompt it was made from."""
        return self.settings.prompt

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return "source"

    @property
    def latents(self) -> Tensor:
        """Its finished latents (1, C, h, w)."""
        return self.kept.latents[-1]

    def save(self, folder: str | Path) -> list[Path]:
        """Write `source.png`, which carries its record, and `record.json`; returns the paths."""
        directory = Path(folder)
        paths = [directory / "source.png", directory / "record.json"]
        save_png(self.image, paths[0], self.record, None)
        save_record(self.record, paths[1])
        return paths


@dataclass(frozen=True, eq=False)
class EditResult:
    """One edited picture: `index` is its place among its run's targets, `latents` (1, C, h, w) the finished ones.

    `maps` are those that its run was asked to capture.
    `blend_masks` (steps, h, w) says where its latents could change, from the first step that a local blend acted in to
    the last; None without one.
    """

    image: Image
    source: Source
    target: str
    index: int
    latents: Tensor
    record: RunRecord
    maps: AttentionMaps | None = None
    blend_masks: Tensor | None = None

    @property
    def blend_mask(self) -> Image | None:
        """Where the finished picture could change, white in a grey picture of its size; None without a local blend."""
        return None if self.blend_masks is None else mask_picture(self.blend_masks[-1], self.image.size)

    @property
    def name(self) -> str:
        """The file name without its ending: "edited", or "edited-2" in a run of several targets."""
        assert self.record.edit is not None
        return edited_name(self.record.edit, self.index)

    def save(self, folder: str | Path) -> list[Path]:
        """Write the source, this edit and `record.json` of the run; both pictures carry it. Returns the paths.

        With a local blend its mask is written as well, as `<name>-mask.png`, which `mask` of an editor reads.
        """
        directory = Path(folder)
        paths = [directory / "source.png", directory / f"{self.name}.png", directory / "record.json"]
        save_png(self.source.image, paths[0], self.record, None)
        save_png(self.image, paths[1], self.record, self.index)
        save_record(self.record, paths[2])
        if self.blend_mask is not None:
            paths.append(directory / f"{self.name}-mask.png")
            save_plain_png(self.blend_mask, paths[-1])
        return paths


def edited_name(settings: EditSettings, index: int) -> str:
    """What the picture of a target is called: "edited" where there is one, else "edited-1", "edited-2", ..."""
    return "edited" if len(settings.targets) == 1 else f"edited-{index + 1}"
