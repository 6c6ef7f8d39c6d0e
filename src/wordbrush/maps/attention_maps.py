"""What a user gets: maps as numbers that can be drawn, saved and loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from PIL import Image

from wordbrush.maps import draw
from wordbrush.maps.arrays import MapArrays
from wordbrush.maps.file import load_maps, save_maps
from wordbrush.maps.file_names import file_names
from wordbrush.pictures.save import save_plain_png


@dataclass(frozen=True, eq=False, repr=False)
class AttentionMaps(MapArrays):
    """Maps of a picture's words (see `MapArrays` for the arrays and how to take a part), with ways to show them."""

    def tile(self, name: str | int, scale: tuple[float, float] | None = None) -> Image.Image:
        """One word's map in colour; `scale` is the values of the darkest and lightest, None the word's own."""
        map_hw = self.word(name)
        return draw.heat(map_hw, draw.tile_size(self), scale or draw.own_scale(map_hw))

    def overlay(self, name: str | int, picture: Image.Image, scale: tuple[float, float] | None = None) -> Image.Image:
        """One word's map laid over its picture, at the picture's size."""
        map_hw = self.word(name)
        return draw.overlay(map_hw, picture, scale or draw.own_scale(map_hw))

    def sheet(
        self, picture: Image.Image | None = None, *, overlays: bool = False, shared_scale: bool = False
    ) -> Image.Image:
        """All words side by side as in figure 2.2, beside the picture or laid over it."""
        return draw.draw_words(self, picture, overlays=overlays, shared_scale=shared_scale)

    def steps_sheet(self) -> Image.Image:
        """Each word over the steps, for maps with `per_step`."""
        return draw.draw_steps(self)

    def components_picture(self, size: tuple[int, int] | None = None) -> Image.Image:
        """Three principal components of self-attention as colours, at (height, width) or the picture's size."""
        return draw.draw_components(self, self.info.picture_size if size is None else size)

    def save(self, folder: str | Path, picture: Image.Image, *, shared_scale: bool = False) -> list[Path]:
        """Write everything there is to see; returns the paths.

        `maps.npz` (all numbers, see `load`), `words.png` and `overlays.png` (all words), `steps.png` and
        `self-components.png` where they were asked for, and a tile and an overlay of each word where there is one
        map a word.
        """
        directory = Path(folder)
        pictures = {
            "words.png": self.sheet(picture, shared_scale=shared_scale),
            "overlays.png": self.sheet(picture, overlays=True, shared_scale=shared_scale),
        }
        if self.info.per_step:
            pictures["steps.png"] = self.steps_sheet()
        if self.components is not None and len(self.components) >= 3:
            pictures["self-components.png"] = self.components_picture(draw.tile_size(self))
        if len(self.arrays) == 1:
            shared = draw.shared_scale_of(self.averaged()) if shared_scale else None
            large = picture.resize(draw.tile_size(self)[::-1], Image.Resampling.BICUBIC)
            shown = picture if min(picture.size) > min(large.size) else large
            for name, stem in zip(self.words, file_names(self.words), strict=True):
                pictures[f"{stem}.png"] = self.tile(name, shared)
                pictures[f"{stem}-overlay.png"] = self.overlay(name, shown, shared)
        paths = [directory / "maps.npz", *(directory / name for name in pictures)]
        save_maps(self, paths[0])
        for path, image in zip(paths[1:], pictures.values(), strict=True):
            save_plain_png(image, path)
        return paths

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a `maps.npz`; nothing in it is executed. Raises `RecordError` for a file that is not one."""
        info, arrays, components = load_maps(path)
        return cls(info, arrays, components)

    def __repr__(self) -> str:
        """One line, without numbers."""
        return f"<AttentionMaps of {', '.join(self.words)}: {self.aggregation}>"
