"""How well edits of the bundled model hold the picture, by setting: what its defaults were chosen from.

    python benchmarks/bundled_layout.py [--cases N] [--sheet FILE]

Swaps the subject of random prompts. The ring of pixels along the picture's edge is background in nearly every scene;
its PSNR against the source says how far an edit, or the plain same-seed picture, moved what it should have left. How
far the picture's middle moved says that the edit did something.
"""

import argparse

import numpy as np
from PIL import Image

from wordbrush.editor import Editor
from wordbrush.scenes.scene import recast, sample_scene
from wordbrush.scenes.vocabulary import NOUNS
from wordbrush.visualise import comparison

SETTINGS = [(0.4, 0.0), (0.8, 0.0), (0.8, 0.4), (0.4, 0.8), (0.8, 0.8), (1.0, 1.0)]
RING = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--sheet", help="write a PNG of the first six cases")
    options = parser.parse_args()
    editor = Editor.from_pretrained()
    names = ["plain, same seed", *(f"cross {cross:g}, self {own:g}" for cross, own in SETTINGS)]
    ring: dict[str, list[float]] = {name: [] for name in names}
    middle: dict[str, list[float]] = {name: [] for name in names}
    rows = []
    for seed, (prompt, target) in enumerate(swaps(options.cases)):
        source = editor.generate(prompt, seed=seed)
        made = [editor.regenerate(source, target).image]
        for cross, own in SETTINGS:
            result = editor.edit(source, target, cross_replace_steps=cross, self_replace_steps=own)
            assert not isinstance(result, list)
            made.append(result.image)
        for name, image in zip(names, made, strict=True):
            edge, inside = psnr(source.image, image)
            ring[name].append(edge)
            middle[name].append(inside)
        rows.append([(prompt, source.image), *((f"{n}: {target}", i) for n, i in zip(names, made, strict=True))])
    print(
        f"| {options.cases} swaps of the subject | PSNR of the edge ring, dB | PSNR of the middle, dB |\n|---|---|---|"
    )
    for name in names:
        print(f"| {name} | {np.mean(ring[name]):.1f} | {np.mean(middle[name]):.1f} |")
    if options.sheet:
        comparison(rows[:6], min_side=128).save(options.sheet)


def swaps(count: int) -> list[tuple[str, str]]:
    """Prompts of random scenes, and the same with another subject of its kind."""
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        cast = sample_scene(rng).cast
        others = [
            word
            for word, noun in NOUNS.items()
            if noun.category == NOUNS[cast.subject].category and word not in (cast.subject, cast.partner)
        ]
        new = str(rng.choice(others))
        pairs.append((cast.caption, recast(cast, cast.subject, new).caption))
    return pairs


def psnr(a: Image.Image, b: Image.Image) -> tuple[float, float]:
    """PSNR in dB of the ring along the edge, and of what it encloses."""
    error = ((np.asarray(a, float) - np.asarray(b, float)) / 255) ** 2
    inside = np.zeros(error.shape[:2], bool)
    inside[RING:-RING, RING:-RING] = True
    return tuple(float(10 * np.log10(1 / max(error[part].mean(), 1e-6))) for part in (~inside, inside))


if __name__ == "__main__":
    main()
