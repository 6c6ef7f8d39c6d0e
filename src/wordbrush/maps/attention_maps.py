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
    """Maps of a picture's words, and ways to show them. `MapArrays` describes the arrays and how to select from them.

    - `info`: what the maps are of, and how they were averaged.
    - `arrays`: float32 (words, steps, heads, height, width), one for each of `info.stacks`.
    - `components`: the principal components of self-attention (components, height, width). Default: None.

    Made by `Editor.maps` and by `capture`. Figure 2.2 of the report shows such maps.

    >>> from wordbrush import Editor
    >>> editor = Editor.from_pretrained()
    >>> maps = editor.maps(editor.generate("a dog", num_inference_steps=2), "dog")
    >>> maps.word("dog").shape, maps.tile("dog").size
    ((16, 16), (224, 224))
    """

    def tile(self, name: str | int, scale: tuple[float, float] | None = None) -> Image.Image:
        """One word's map in colour; `scale` holds the values of the darkest and lightest colour, None for the word's
        own range.
        """
        map_hw = self.word(name)
        return draw.heat(map_hw, draw.tile_size(self), scale or draw.own_scale(map_hw))

    def overlay(self, name: str | int, picture: Image.Image, scale: tuple[float, float] | None = None) -> Image.Image:
        """One word's map over its picture, at the picture's size; `scale` as in `tile`."""
        map_hw = self.word(name)
        return draw.overlay(map_hw, picture, scale or draw.own_scale(map_hw))

    def sheet(
        self, picture: Image.Image | None = None, *, overlays: bool = False, shared_scale: bool = False
    ) -> Image.Image:
        """All words side by side, as in the report's figure 2.2.

        - `picture`: shown beside the maps, and beneath them with `overlays`. Default: None, no picture.
        - `overlays`: lay the maps over the picture. Default: False.
        - `shared_scale`: one range of values for all words, instead of each word's own. Default: False.
        """
        return draw.draw_words(self, picture, overlays=overlays, shared_scale=shared_scale)

    def steps_sheet(self) -> Image.Image:
        """Each word over the steps. Raises `SettingsError` for maps made without `per_step`."""
        return draw.draw_steps(self)

    def components_picture(self, size: tuple[int, int] | None = None) -> Image.Image:
        """Three principal components of self-attention as colours, at (height, width) or the picture's size.

        Raises `SettingsError` for maps made with fewer than three components.
        """
        return draw.draw_components(self, self.info.picture_size if size is None else size)

    def save(self, folder: str | Path, picture: Image.Image, *, shared_scale: bool = False) -> list[Path]:
        """Write all numbers and pictures of these maps into a folder, and return the paths.

        These are `maps.npz` (all numbers, see `load`), `words.png` and `overlays.png` (all words), `steps.png` and
        `self-components.png` if they were asked for, and, if there is one map per word, a tile and an overlay of each.

        - `folder`: where to write; it is made if it does not exist.
        - `picture`: the picture that the maps are of.
        - `shared_scale`: one range of values for all words, instead of each word's own. Default: False.
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
        """Read a `maps.npz`. Nothing in the file is executed. Raises `RecordError` for any other file."""
        info, arrays, components = load_maps(path)
        return cls(info, arrays, components)

    def __repr__(self) -> str:
        """One line, without numbers."""
        return f"<AttentionMaps of {', '.join(self.words)}: {self.aggregation}>"
