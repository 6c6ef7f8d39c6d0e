"""Build the atlas of emoji art from unpacked npm packages (see `src/wordbrush/scenes/art/LICENSES.md`).

    python tools/build_atlas.py FOLDER    # holds one folder a package, as `npm pack` and `tar` leave them

Needs `resvg-py`. Sprites are drawn large, trimmed, and reduced with premultiplied alpha.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from wordbrush.scenes.vocabulary import EXPRESSIONS, NOUNS

SIDE = 96
DRAWN = 512
OUT = Path(__file__).parents[1] / "src/wordbrush/scenes/art"
SVG_FAMILIES = {
    "noto": "iconify-json-noto",
    "twemoji": "iconify-json-twemoji",
    "flat": "iconify-json-fluent-emoji-flat",
}


def from_svg(icons: dict, slug: str) -> Image.Image:
    """Draw an icon of an Iconify set."""
    if slug in icons.get("aliases", {}):
        slug = icons["aliases"][slug]["parent"]
    icon = icons["icons"][slug]
    width, height = icon.get("width", icons["width"]), icon.get("height", icons["height"])
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    svg = f'<svg {namespaces} viewBox="0 0 {width} {height}">{icon["body"]}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=svg, width=DRAWN, height=DRAWN)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def reduced(image: Image.Image) -> np.ndarray:
    """Trim to what is seen, and reduce to SIDE on the longer side: straight alpha, uint8 (h, w, 4)."""
    rgba = np.asarray(image, dtype=np.float32) / 255
    seen = np.argwhere(rgba[..., 3] > 0.5)
    (top, left), (bottom, right) = seen.min(0), seen.max(0) + 1
    rgba = rgba[top:bottom, left:right].copy()
    rgba[..., :3] *= rgba[..., 3:]
    scale = SIDE / max(rgba.shape[:2])
    size = (max(1, round(rgba.shape[1] * scale)), max(1, round(rgba.shape[0] * scale)))
    planes = [Image.fromarray(rgba[..., c]).resize(size, Image.Resampling.BOX) for c in range(4)]
    small = np.stack([np.asarray(plane) for plane in planes], -1)
    small[..., :3] = np.where(small[..., 3:] > 1e-3, small[..., :3] / np.maximum(small[..., 3:], 1e-3), 0)
    return (small.clip(0, 1) * 255).round().astype(np.uint8)


def main(folder: Path) -> None:
    """Write `atlas.png`, all sprites side by side, and `atlas.json`, where each of them is."""

    def package(prefix: str) -> Path:
        return next(path for path in sorted(folder.glob(prefix + "*")) if path.is_dir())

    by_emoji = json.loads((package("unicode-emoji-json") / "data-by-emoji.json").read_text())
    emoji = {entry["slug"].replace("_", "-"): text for text, entry in by_emoji.items()}
    sets = {f: json.loads((package(p) / "icons.json").read_text()) for f, p in SVG_FAMILIES.items()}
    sprites = {}
    slugs = {noun.word: noun.emoji for noun in NOUNS.values()}
    slugs |= {f"{face} {word}": slug for (word, face), slug in EXPRESSIONS.items()}
    for name, slug in slugs.items():
        for family, icons in sets.items():
            sprites[name, family] = reduced(from_svg(icons, slug))
        code = "-".join(f"{ord(c):x}" for c in emoji[slug] if ord(c) != 0xFE0F)
        with Image.open(package("lobehub-fluent-emoji-3d") / f"assets/{code}.webp") as image:
            sprites[name, "fluent3d"] = reduced(image.convert("RGBA"))
    columns = 16
    rows = -(-len(sprites) // columns)
    sheet = np.zeros((rows * SIDE, columns * SIDE, 4), np.uint8)
    index = {}
    for i, ((name, family), sprite) in enumerate(sorted(sprites.items())):
        y, x = i // columns * SIDE, i % columns * SIDE
        sheet[y : y + sprite.shape[0], x : x + sprite.shape[1]] = sprite
        index[f"{name}/{family}"] = [y, x, *sprite.shape[:2]]
    OUT.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(OUT / "atlas.png", optimize=True)
    (OUT / "atlas.json").write_text(json.dumps(index, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
