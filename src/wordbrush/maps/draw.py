"""Maps as pictures: a tile a word, laid over the picture, step by step, and self-attention in colour."""

from math import ceil

import numpy as np
from PIL import Image

from wordbrush.errors import SettingsError
from wordbrush.maps.arrays import Floats, MapArrays, resize
from wordbrush.maps.colour import coloured
from wordbrush.maps.layout import Legend, Row, Tile, sheet

TILE_SIDE = 224
"""The shorter side of a tile, in pixels."""

MOST_COLUMNS, MOST_STEPS = 6, 10


def heat(map_hw: Floats, size: tuple[int, int], scale: float) -> Image.Image:
    """A map in colour at (height, width), 0 darkest and `scale` lightest, smooth between its cells."""
    smooth = resize(map_hw, size, Image.Resampling.BICUBIC)
    return Image.fromarray(coloured(smooth / scale if scale > 0 else np.zeros_like(smooth)))


def overlay(map_hw: Floats, picture: Image.Image, scale: float) -> Image.Image:
    """A map laid over its picture: grey and dim where it is 0, in the map's colours where it is high."""
    size = picture.size[::-1]
    value = np.clip(resize(map_hw, size, Image.Resampling.BICUBIC) / (scale if scale > 0 else 1), 0, 1)[..., None]
    grey = np.asarray(picture.convert("L"), np.float32)[..., None].repeat(3, axis=2)
    colour = np.asarray(heat(map_hw, size, scale), np.float32)
    opacity = 0.30 + 0.42 * value
    return Image.fromarray((grey * (1 - opacity) + colour * opacity + 0.5).clip(0, 255).astype(np.uint8))


def draw_words(maps: MapArrays, picture: Image.Image | None, *, overlays: bool, shared_scale: bool) -> Image.Image:
    """All words side by side as in figure 2.2, a row a resolution or layer where several are here.

    With `picture` it stands first, and with `overlays` the maps lie on it. Each word is scaled to its own largest
    value, or with `shared_scale` all to one.
    """
    size = tile_size(maps)
    shown = None if picture is None else picture.convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC)
    first = [] if shown is None else [Tile(shown, "the picture")]
    largest = max((float(array.mean(axis=(1, 2)).max()) for array in maps.arrays), default=0.0)
    rows = []
    for index, stack in enumerate(maps.info.stacks):
        tiles = list(first)
        for word, map_hw in zip(maps.words, maps.arrays[index].mean(axis=(1, 2)), strict=True):
            scale = largest if shared_scale else float(map_hw.max())
            over = overlays and shown is not None
            image = overlay(map_hw, shown, scale) if over and shown is not None else heat(map_hw, size, scale)
            tiles.append(Tile(image, word, f"{map_hw.max():.3f}"))
        several = len(maps.info.stacks) > 1
        name = stack.sites[0] if len(stack.sites) == 1 else f"{len(stack.sites)} layers"
        label = f"{name.replace('_', ' ').replace('.', ' ')}, {stack.height} x {stack.width}" if several else ""
        rows += [Row(part, label) for part in _even_rows(tiles, len(tiles) if several else MOST_COLUMNS)]
    high = f"{largest:.3f}, for all words" if shared_scale else "each word's own largest value, given beside it"
    return sheet(rows, Legend(maps.aggregation, "0", high))


def draw_steps(maps: MapArrays, picture: Image.Image | None = None) -> Image.Image:
    """A strip a word over the steps, at most ten of them evenly chosen; each word has one scale.

    Raises `SettingsError` for maps whose steps are averaged.
    """
    if not maps.info.per_step:
        raise SettingsError("the steps are averaged, so there is no strip of them; ask for maps with per_step=True")
    steps = maps.info.steps
    count = min(MOST_STEPS, len(steps))
    chosen = [round(i * (len(steps) - 1) / max(1, count - 1)) for i in range(count)]
    height, width = tile_size(maps)
    size = (height // 2, width // 2)
    rows = []
    for name in maps.words:
        maps_hw = [maps.step(steps[i]).word(name) for i in chosen]
        scale = max(float(map_hw.max()) for map_hw in maps_hw)
        last = name == maps.words[-1]
        tiles = [
            Tile(heat(m, size, scale), f"step {steps[i]}" if last else "")
            for i, m in zip(chosen, maps_hw, strict=True)
        ]
        rows.append(Row(tiles, name))
    return sheet(rows, Legend(maps.aggregation, "0", "each word's largest value over its steps"))


def draw_components(maps: MapArrays, size: tuple[int, int]) -> Image.Image:
    """The first three principal components of self-attention as red, green and blue, at (height, width).

    Raises `SettingsError` for maps without them.
    """
    if maps.components is None or len(maps.components) < 3:
        raise SettingsError("there are no three components of self-attention; ask for maps with self_components=3")
    smooth = resize(maps.components[:3], size, Image.Resampling.BICUBIC)
    low, high = np.percentile(smooth, [1, 99], axis=(1, 2), keepdims=True)
    unit = (smooth - low) / np.maximum(high - low, 1e-12)
    return Image.fromarray((np.moveaxis(unit.clip(0, 1), 0, -1) * 255 + 0.5).astype(np.uint8))


def tile_size(maps: MapArrays) -> tuple[int, int]:
    """The (height, width) of a tile, in the picture's aspect."""
    height, width = maps.info.picture_size
    factor = TILE_SIDE / min(height, width)
    return round(height * factor), round(width * factor)


def _even_rows(tiles: list[Tile], most: int) -> list[list[Tile]]:
    """Tiles in as few rows as they fit, of about the same length."""
    rows = ceil(len(tiles) / most)
    length = ceil(len(tiles) / rows)
    return [tiles[start : start + length] for start in range(0, len(tiles), length)]
