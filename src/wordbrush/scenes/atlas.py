"""The art: sprites of every noun in several families, resized on demand."""

import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush.scenes.vocabulary import COLOURS, NOUNS

FAMILIES = ("flat", "fluent3d", "noto", "twemoji")

Art = Literal["model", "judge", "new"]
"""Which drawings: those that scenes draw, those that the judge was trained on as well, or those that neither saw."""

MODEL_FAMILY = "flat"
"""The family that scenes draw, and that the bundled model was trained on last (decisions 0016 and 0041)."""

HELD_OUT = frozenset((word, "twemoji") for word in sorted(NOUNS)[::3])
"""Drawings that no training shows, so that the judge can be tested on them."""


def families_of(word: str, art: Art = "model") -> tuple[str, ...]:
    """The families that show a noun in some art; empty if no drawing of it is new.

    >>> families_of("dog"), len(families_of("dog", "judge")) + len(families_of("dog", "new"))
    (('flat',), 4)
    """
    if art == "model":
        return (MODEL_FAMILY,)
    return tuple(family for family in FAMILIES if ((word, family) in HELD_OUT) == (art == "new"))


@lru_cache(maxsize=8192)
def sprite(drawing: str, family: str, long_side: int, flip: bool) -> NDArray[np.float32]:
    """A drawing, (h, w, 4) in 0..1 with premultiplied alpha, whose longer side is `long_side` pixels.

    It is named by a noun, or by an expression and a noun.
    """
    sheet, index = _atlas()
    y, x, height, width = index[f"{drawing}/{family}"]
    rgba = sheet[y : y + height, x : x + width].astype(np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    scale = long_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    planes = [Image.fromarray(rgba[..., c]).resize(size, Image.Resampling.BOX, reducing_gap=None) for c in range(4)]
    resized = np.stack([np.asarray(plane) for plane in planes], -1).clip(0, 1)
    return np.ascontiguousarray(resized[:, ::-1] if flip else resized)


def painted(drawn: NDArray[np.float32], colour: str) -> NDArray[np.float32]:
    """The drawing (h, w, 4) in one colour of the vocabulary. Its shading stays, and a little of its hues."""
    rgb, alpha = drawn[..., :3], drawn[..., 3:]
    light = rgb @ np.array([0.3, 0.59, 0.11], np.float32)[:, None]
    mean = float(light.sum() / max(float(alpha.sum()), 1e-6))
    # Shades run from black to white through the colour, which is at the drawing's own mean brightness.
    relative = light / max(mean, 0.05)
    paint = np.array(COLOURS[colour], np.float32)
    dark = paint * relative
    bright = paint * alpha + (alpha - paint * alpha) * np.clip((relative - alpha) / 1.6, 0, 1)
    toned = np.where(relative < alpha, dark, bright)
    return np.concatenate([np.clip(0.92 * toned + 0.08 * rgb, 0, alpha), alpha], -1)


@cache
def _atlas() -> tuple[NDArray[np.uint8], dict[str, list[int]]]:
    folder = files("wordbrush.scenes") / "art"
    with (folder / "atlas.png").open("rb") as file:
        sheet = np.asarray(Image.open(file).convert("RGBA"))
    return sheet, cast(dict[str, list[int]], json.loads((folder / "atlas.json").read_text()))
