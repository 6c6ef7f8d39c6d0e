"""What does the weight of an adjective do, everywhere and in its noun's region alone?

    python benchmarks/word_weights.py [--cases N] [--steps N] [--pictures FOLDER]

A scene with a coloured thing beside another one is rendered and inverted, and the weight of the colour changed. What
the thing gains: how much nearer its pixels are to the colour (Euclidean, RGB in 0..1) than with a weight of 1. What
the rest loses: the mean absolute difference of all other pixels, in 0..1. Per factor, and per place where it acts.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from wordbrush import Editor
from wordbrush.scenes.changes import recoloured
from wordbrush.scenes.render import render
from wordbrush.scenes.sample_cast import PAINTABLE, sample_cast
from wordbrush.scenes.scene import NUM_DRAWS, Scene, compose
from wordbrush.scenes.vocabulary import COLOURS
from wordbrush_bench.strips import save_strip

SEED = 2029
FACTORS = (-2.0, 2.0, 4.0, 8.0)
LEAST_SHARE = 0.02


def cases() -> Iterator[tuple[Scene, str, str]]:
    """Scenes of one coloured thing and another thing, the noun, and its colour."""
    rng = np.random.default_rng(SEED)
    while True:
        drawn = sample_cast(rng)
        cast = replace(drawn, subject_adjective=None, partner_adjective=None, style=None, wording=frozenset())
        nouns = [noun for noun in cast.nouns if noun in PAINTABLE]
        if not nouns or cast.count > 1 or cast.partner is None:
            continue
        noun, colour = str(rng.choice(nouns)), str(rng.choice(list(COLOURS)))
        scene = recoloured(compose(cast, tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist())), noun, colour)
        if min(mask.mean() for mask in render(scene)[1].values()) >= LEAST_SHARE:
            yield scene, noun, colour


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--pictures", type=Path, help="a folder for sheets: source, and each factor, both ways")
    options = parser.parse_args()
    editor = Editor.from_pretrained()
    found: dict[tuple[float, str], list[tuple[float, float]]] = defaultdict(list)
    for number, (scene, noun, colour) in zip(range(options.cases), cases(), strict=False):
        photo, masks = render(scene)
        mask = masks[noun]
        source = editor.invert(Image.fromarray(photo), scene.caption, num_inference_steps=options.steps)
        # Against the edit that weighs nothing: what it costs to run the prompt again is not the weight's doing.
        plain = editor.edit(source, scene.caption, equalizer={colour: 1 + 1e-9})
        before = np.asarray(plain.image) / 255
        sheet = [source.image]
        for factor in FACTORS:
            for where in ("picture", "noun"):
                edited = editor.edit(source, scene.caption, equalizer={colour: factor}, weight_region=where)
                after = np.asarray(edited.image) / 255
                gained = away(before[mask], colour) - away(after[mask], colour)
                found[factor, where].append((gained, float(np.abs(after - before)[~mask].mean())))
                sheet.append(edited.image)
        print(f"{number + 1}: {scene.caption} ({colour} {noun})", flush=True)
        if options.pictures is not None:
            save_strip(sheet, options.pictures / f"{number + 1:03d}.png")
    print("| factor | everywhere: nearer to the colour | the rest changes | in the noun's region: nearer | the rest |")
    print("|---|---|---|---|---|")
    for factor in FACTORS:
        cells = [value for where in ("picture", "noun") for value in np.mean(found[factor, where], axis=0)]
        print(f"| {factor:g} | " + " | ".join(f"{cell:+.3f}" for cell in cells) + " |")


def away(pixels: np.ndarray, colour: str) -> float:
    """How far pixels (n, 3) are from a colour, on average."""
    return float(np.linalg.norm(pixels - np.asarray(COLOURS[colour]), axis=-1).mean())


if __name__ == "__main__":
    main()
