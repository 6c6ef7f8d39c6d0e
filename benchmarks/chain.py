"""What does an edit of an edit of an edit lose of what was never named?

    python benchmarks/chain.py [--chains N] [--length N] [--steps N] [--pictures FOLDER]

A scene is drawn, and its subject becomes another animal, and another, ten times. Nothing else is ever named. Measured
between the source and each result, outside of all places where the judge sees a subject in any of them (widened by a
cell): PSNR after the first and after the last edit, how far the mean colour went, and the whole shift in pixels at
which both fit best. Rows: further edits of a result (`Editor.edit(result, ...)`) with the defaults, with a region, and
by recipe; and the way without them, in which each result is inverted as a photograph.
"""

import argparse
from collections import defaultdict
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.metrics.likeness import capped_psnr, mse, pixels
from wordbrush.scenes.judge.judge import CELLS, Judge
from wordbrush.scenes.vocabulary import NOUNS
from wordbrush_bench.strips import save_strip

SCENES = ("a dog eating an apple on the beach", "a dog next to a house in the forest", "a dog wearing a hat at night")
ROWS: dict[str, EditOptions] = {"defaults": {}, "region": {"local_blend": "auto"}, "recipe": {"recipe": "auto"}}
INVERTED = "inverted again, defaults"
SHIFTS = range(-2, 3)
Mask = NDArray[np.bool_]


def chain(editor: Editor, row: str, prompts: list[str], seed: int, steps: int | None) -> list[Image.Image]:
    """The pictures of a source and of each edit of the edit before."""
    made = editor.generate(prompts[0], seed=seed, num_inference_steps=steps)
    pictures = [made.image]
    current = made
    for before, target in pairwise(prompts):
        if row == INVERTED and len(pictures) > 1:
            current = editor.invert(pictures[-1], before, num_inference_steps=steps)
        current = editor.edit(current, target, **ROWS.get(row, {}))
        pictures.append(current.image)
    return pictures


def never_named(judge: Judge, pictures: list[Image.Image], subjects: list[str]) -> Mask:
    """The pixels (H, W) where no picture shows its subject."""
    named = np.zeros((CELLS, CELLS), bool)
    for verdict, subject in zip(judge.all(pictures), subjects, strict=True):
        padded = np.pad(verdict.where(subject) | verdict.where(subjects[0]), 1)
        for y, x in product(range(3), repeat=2):
            named |= padded[y : y + CELLS, x : x + CELLS]
    side = pictures[0].height // CELLS
    return ~np.kron(named, np.ones((side, side), bool))


def best_shift(one: NDArray[np.float64], other: NDArray[np.float64], where: Mask) -> int:
    """The larger of the two parts of the shift at which pictures fit best."""
    inside = where.copy()
    edge = max(SHIFTS)
    inside[:edge] = inside[-edge:] = inside[:, :edge] = inside[:, -edge:] = False
    errors = {(y, x): mse(one, np.roll(other, (y, x), (0, 1)), inside) for y, x in product(SHIFTS, repeat=2)}
    return max(map(abs, min(errors, key=lambda shift: errors[shift])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=3)
    parser.add_argument("--length", type=int, default=10)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rows", default=",".join([*ROWS, INVERTED]), help="some of the rows, after each other")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    editor, judge = Editor.from_pretrained(), Judge.load()
    animals = [noun.word for noun in NOUNS.values() if noun.category == "animal" and noun.word != "dog"]
    rows = [row for row in (*ROWS, INVERTED) if row in options.rows]
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for number in range(options.chains):
        scene = SCENES[number % len(SCENES)]
        subjects = ["dog", *np.random.default_rng(number).permutation(animals)[: options.length].tolist()]
        prompts = [scene.replace("a dog", f"{'an' if s[0] in 'aeiou' else 'a'} {s}") for s in subjects]
        for row in rows:
            made = chain(editor, row, prompts, number, options.steps)
            where = never_named(judge, made, subjects)
            source, first, last = (pixels(made[i]) for i in (0, 1, -1))
            drift = float(255 * np.abs(last[where].mean(0) - source[where].mean(0)).max())
            decibels = [capped_psnr(mse(source, later, where)) for later in (first, last)]
            shown = np.mean([v.shows(s) for v, s in zip(judge.all(made[1:]), subjects[1:], strict=True)])
            found[row].append((*decibels, drift, best_shift(source, last, where), float(shown)))
            print(f"{number + 1}, {row}: {decibels[0]:.1f} to {decibels[1]:.1f} dB, {where.mean():.0%}", flush=True)
            if options.pictures is not None:
                save_strip(made, options.pictures / f"{number + 1}-{row.replace(' ', '-').replace(',', '')}.png")
    print("| row | after the first edit | after the last | lost | mean colour, of 255 | shift | new thing seen |")
    print("|---|---|---|---|---|---|---|")
    for row, values in found.items():
        first_db, last_db, drift, shift, shown = np.mean(values, axis=0)
        print(
            f"| {row} | {first_db:.1f} dB | {last_db:.1f} dB | {first_db - last_db:.1f} dB | {drift:.1f} | "
            f"{shift:.1f} px | {shown:.0%} |"
        )
    print(f"model {editor.model.name} {editor.model.fingerprint[:12]}")


if __name__ == "__main__":
    main()
