"""Maps as pictures: a tile for each word, overlays on the picture, maps over the steps, self-attention in colour."""

from math import ceil

import numpy as np
from PIL import Image

from wordbrush.errors import SettingsError
from wordbrush.maps.arrays import Floats, MapArrays, StackInfo, resize
from wordbrush.views.colour import coloured
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import ColourScale, draw_sheet

TILE_SIDE = 224
"""The shorter side of a tile, in pixels."""

MOST_COLUMNS, MOST_STEPS = 6, 10

Scale = tuple[float, float]
"""The values shown in the darkest and in the lightest colour."""

_DIM, _FAINT, _STRONG = 0.7, 0.15, 0.78
"""An overlay: the brightness of the grey picture, and the map's opacity at its lowest and highest value."""


def heat(map_hw: Floats, size: tuple[int, int], scale: Scale) -> Image.Image:
    """A map in colour at (height, width), interpolated between its cells."""
    return Image.fromarray(coloured(_unit(map_hw, size, scale)))


def overlay(map_hw: Floats, picture: Image.Image, scale: Scale) -> Image.Image:
    """A map over its picture: grey and dim where the map is low, in the map's colours where it is high."""
    unit_hw1 = _unit(map_hw, picture.size[::-1], scale)[..., None]
    grey = np.asarray(picture.convert("L"), np.float32)[..., None]
    opacity = _FAINT + (_STRONG - _FAINT) * unit_hw1
    mixed = _DIM * grey * (1 - opacity) + coloured(unit_hw1[..., 0]) * opacity
    return Image.fromarray(mixed.round().astype(np.uint8))


def own_scale(map_hw: Floats) -> Scale:
    """A map's own lowest and highest value."""
    return float(map_hw.min()), float(map_hw.max())


def shared_scale_of(maps: MapArrays) -> Scale:
    """From 0 (or the lowest value, if below) to the highest value of all words, so that words can be compared."""
    return min(0.0, *(float(a.min()) for a in maps.arrays)), max(float(array.max()) for array in maps.arrays)


def draw_words(maps: MapArrays, picture: Image.Image | None, *, overlays: bool, shared_scale: bool) -> Image.Image:
    """All words side by side, with a row for each resolution or layer if there are several.

    `picture` comes first, and with `overlays` the maps lie over it. Each word has its own scale, from its lowest to
    its highest value; with `shared_scale` all words have the same.
    """
    maps, size = maps.averaged(), tile_size(maps)
    shown = None if picture is None else picture.convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC)
    shared = shared_scale_of(maps)
    several = len(maps.info.stacks) > 1
    strips = []
    for stack, array in zip(maps.info.stacks, maps.arrays, strict=True):
        tiles = [] if shown is None else [Captioned(shown, "the picture")]
        for word, map_hw in zip(maps.words, array[:, 0, 0], strict=True):
            scale = shared if shared_scale else own_scale(map_hw)
            over = overlays and shown is not None
            image = overlay(map_hw, shown, scale) if over and shown is not None else heat(map_hw, size, scale)
            low, high = own_scale(map_hw)
            tiles.append(Captioned(image, word, f"{low:.2g} to {high:.2g}"))
        strips += [Strip(part, _name(stack) if several else "") for part in _even_rows(tiles, several)]
    ends = ("each word's smallest", "and largest value")
    if shared_scale:
        ends = (f"{shared[0]:.2g}", f"{shared[1]:.2g}, for all words")
    return draw_sheet([PictureGrid(strips)], notes=maps.aggregation, colours=ColourScale(*ends))


def draw_steps(maps: MapArrays) -> Image.Image:
    """A strip for each word over the steps, at most ten of them, evenly spaced. Each word has one scale.

    Raises `SettingsError` for maps whose steps are averaged.
    """
    if not maps.info.per_step:
        raise SettingsError(
            "the steps are averaged, so they cannot be shown one by one; ask for maps with per_step=True"
        )
    steps = maps.info.steps
    count = min(MOST_STEPS, len(steps))
    chosen = [steps[round(i * (len(steps) - 1) / max(1, count - 1))] for i in range(count)]
    height, width = tile_size(maps)
    strips = []
    for word in maps.words:
        maps_shw = np.stack([maps.step(step).word(word) for step in chosen])
        tiles = [heat(map_hw, (height // 2, width // 2), own_scale(maps_shw)) for map_hw in maps_shw]
        strips.append(Strip([Captioned(tile) for tile in tiles], word))
    colours = ColourScale("each word's smallest", "and largest value over its steps")
    grid = PictureGrid(strips, column_name="step", column_labels=[f"{step}" for step in chosen])
    return draw_sheet([grid], notes=maps.aggregation, colours=colours)


def draw_components(maps: MapArrays, size: tuple[int, int]) -> Image.Image:
    """The first three principal components of self-attention as red, green and blue, at (height, width).

    Raises `SettingsError` for maps without them.
    """
    if maps.components is None or len(maps.components) < 3:
        raise SettingsError(
            "there are fewer than three components of self-attention; ask for maps with self_components=3"
        )
    smooth = resize(maps.components[:3], size, Image.Resampling.BICUBIC)
    low, high = np.percentile(smooth, [1, 99], axis=(1, 2), keepdims=True)
    unit = (smooth - low) / np.maximum(high - low, 1e-12)
    return Image.fromarray((np.moveaxis(unit.clip(0, 1), 0, -1) * 255 + 0.5).astype(np.uint8))


def tile_size(maps: MapArrays) -> tuple[int, int]:
    """The (height, width) of a tile, in the picture's aspect ratio."""
    height, width = maps.info.picture_size
    factor = TILE_SIDE / min(height, width)
    return round(height * factor), round(width * factor)


def _unit(map_hw: Floats, size: tuple[int, int], scale: Scale) -> Floats:
    low, high = scale
    span = high - low if high > low else 1.0
    unit: Floats = np.clip((resize(map_hw, size, Image.Resampling.BICUBIC) - low) / span, 0, 1)
    return unit


def _name(stack: StackInfo) -> str:
    layers = stack.sites[0] if len(stack.sites) == 1 else f"{len(stack.sites)} layers"
    return f"{stack.height} x {stack.width}, {layers.replace('_', ' ').replace('.', ' ')}"


def _even_rows(tiles: list[Captioned], several: bool) -> list[list[Captioned]]:
    """A single stack's tiles in as few rows of about equal length as possible; several stacks get one row each."""
    if several:
        return [tiles]
    length = ceil(len(tiles) / ceil(len(tiles) / MOST_COLUMNS))
    return [tiles[start : start + length] for start in range(0, len(tiles), length)]
