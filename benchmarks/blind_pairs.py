"""Two models' pictures of the same captions and seeds, side by side in an order that the reader does not know.

    python -m benchmarks.blind_pairs OTHER [--model FOLDER] [--pictures 40] --sheet SHEET.png
    python -m benchmarks.blind_pairs OTHER [--model FOLDER] [--pictures 40] --chosen abba-ab...

Each pair has a picture of `OTHER` and one of `--model` (the bundled one unless given), `a` left and `b` right, dealt
by a hash of the caption and of the number of the pair. A reader writes down which one they would rather show: `a`,
`b`, or `-` for neither. `--chosen` counts, and says how likely a coin is to favour one model as much (sign test,
two-sided).
"""

import argparse
import hashlib
from math import comb
from pathlib import Path

import numpy as np
from diffusers import DiffusionPipeline
from PIL import Image

from training.sample_grid import drawn
from wordbrush.models.folder import bundled_folder
from wordbrush.models.own_settings import read_own_settings
from wordbrush.scenes.captions import caption
from wordbrush.scenes.sample_cast import sample_cast
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import draw_sheet

SEED = 19
ACROSS = 4
ZOOM = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--model", type=Path, default=bundled_folder(), help="a folder; the bundled one if not given")
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--chosen", help="what a reader chose, a letter for each pair")
    options = parser.parse_args()
    captions = random_captions(options.pictures)
    if options.sheet is not None:
        pairs = zip(*(pictures_of(each, captions) for each in (options.other, options.model)), strict=True)
        draw(captions, list(pairs), options.sheet)
        print(f"{len(captions)} pairs in {options.sheet}")
    if options.chosen is not None:
        chosen = "".join(options.chosen.split())
        if len(chosen) != len(captions) or set(chosen) - set("ab-"):
            parser.error(f"--chosen has {len(chosen)} letters; give {len(captions)}, each a, b or -")
        count(captions, chosen)


def random_captions(number: int) -> list[str]:
    rng = np.random.default_rng(SEED)
    return [caption(sample_cast(rng)) for _ in range(number)]


def pictures_of(folder: Path, captions: list[str]) -> list[Image.Image]:
    """A picture of each caption, its seed its number."""
    defaults = read_own_settings(folder)[0]
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    made: list[Image.Image] = []
    for start in range(0, len(captions), ACROSS):
        batch = captions[start : start + ACROSS]
        made += drawn(
            pipeline,
            batch,
            range(start, start + len(batch)),
            guidance_scale=defaults.guidance_scale,
            num_inference_steps=defaults.num_inference_steps,
        )
    return made


def other_is_left(number: int, caption: str) -> bool:
    return hashlib.sha256(f"{number} {caption}".encode()).digest()[0] % 2 == 0


def draw(captions: list[str], pairs: list[tuple[Image.Image, Image.Image]], path: Path) -> None:
    """All pairs with their numbers; nothing says which picture is whose."""
    strips = []
    for start in range(0, len(pairs), ACROSS):
        row = []
        for number in range(start, min(start + ACROSS, len(pairs))):
            other, own = pairs[number]
            left, right = (other, own) if other_is_left(number, captions[number]) else (own, other)
            row += [Captioned(large(left), f"{number + 1} a"), Captioned(large(right), f"{number + 1} b")]
        strips.append(Strip(row))
    draw_sheet([PictureGrid(strips)], title="Which one would you rather show?").save(path)


def large(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * ZOOM, picture.height * ZOOM), Image.Resampling.BICUBIC)


def count(captions: list[str], chosen: str) -> None:
    left = [other_is_left(number, caption) for number, caption in enumerate(captions)]
    own = sum(choice == ("b" if other else "a") for choice, other in zip(chosen, left, strict=True))
    neither = chosen.count("-")
    other = len(chosen) - own - neither
    print("| pairs | the model | the other | neither | a coin |\n|---|---|---|---|---|")
    print(f"| {len(chosen)} | {own} | {other} | {neither} | {sign_test(own, other):.3f} |")


def sign_test(one: int, other: int) -> float:
    """How likely a fair coin is to fall as unevenly.

    >>> round(sign_test(8, 2), 3)
    0.109
    """
    tosses, most = one + other, max(one, other)
    return min(1.0, 2 * sum(comb(tosses, k) for k in range(most, tosses + 1)) / 2**tosses)


if __name__ == "__main__":
    main()
