"""Does a replaced thing of another size get that size? Measured on rendered scenes, where the truth is known.

    python benchmarks/resize.py [--cases N] [--steps N] [--pictures FOLDER]

A scene is rendered, inverted, and one of its things replaced by one that these scenes draw larger or smaller (by 1.2
times or more). The truth is the scene with the new thing at its own size, on the same ground. The area of a thing is
counted in pixels that differ from the scene without it, around the place where it stands; error is the logarithm to
base 2 of the area against the truth's: 1 is twice or half the area. Rows: `resize="off"`, `"auto"` (the table of real
sizes), and the ratio at which these scenes draw the two things.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush import Editor
from wordbrush.metrics.likeness import capped_psnr, mse
from wordbrush.scenes.changes import alike, sayable
from wordbrush.scenes.render import SIZE, render, render_picture
from wordbrush.scenes.sample_cast import sample_cast
from wordbrush.scenes.scene import NUM_DRAWS, Placed, Scene, compose, swap_noun
from wordbrush.scenes.vocabulary import NOUNS
from wordbrush_bench.bootstrap import mean_of
from wordbrush_bench.strips import save_strip

SEED = 2028
LEAST_RATIO = 1.2
LEAST_SHARE = 0.02
"""Things smaller than this share of the picture are left out."""
DIFFERENT = 0.2
"""A pixel shows a thing if a channel of it is this much of the whole range from the scene without the thing."""
ROWS = ("off", "auto", "true ratio")


@dataclass(frozen=True)
class Case:
    source: Scene
    truth: Scene
    empty: Scene
    old: Placed
    new: Placed


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(SEED)
    while True:
        cast = replace(sample_cast(rng), subject_adjective=None, partner_adjective=None, style=None)
        cast = replace(cast, wording=frozenset())
        scene = compose(cast, tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist()))
        word = str(rng.choice(scene.cast.nouns))
        others = [n for n in alike(scene.cast, word) if not 1 / LEAST_RATIO < ratio(word, n) < LEAST_RATIO]
        if cast.count > 1 or not others:
            continue
        case = _case(scene, word, str(rng.choice(others)))
        shares = [mask.mean() for side in (case.source, case.truth) for mask in render(side)[1].values()]
        if sayable(case.truth.cast) and min(shares) >= LEAST_SHARE:
            yield case


def ratio(old: str, new: str) -> float:
    return NOUNS[new].size / NOUNS[old].size


def _case(scene: Scene, old_word: str, new_word: str) -> Case:
    swapped = swap_noun(scene, old_word, new_word)
    (old,) = (placed for placed in scene.objects if placed.word == old_word)
    (same_size,) = (placed for placed in swapped.objects if placed.word == new_word)
    size = min(old.size * ratio(old_word, new_word), 0.96)
    new = replace(same_size, size=size, y=old.y + (old.size - size) / 2)
    truth = replace(swapped, objects=tuple(new if placed is same_size else placed for placed in swapped.objects))
    empty = replace(scene, objects=tuple(placed for placed in scene.objects if placed is not old))
    return Case(scene, truth, empty, old, new)


def area(case: Case, picture: NDArray[np.uint8]) -> int:
    """The pixels that show the new thing: in a square of twice its room, not those of other things."""
    empty, others = render(case.empty)
    shown = np.abs(picture.astype(float) - empty).max(-1) > DIFFERENT * 255
    side = 1.2 * max(case.old.size, case.new.size) * SIZE / 2
    rows, columns = np.mgrid[:SIZE, :SIZE]
    near = (np.abs(columns - case.old.x * SIZE) < side) & (np.abs(rows - case.new.y * SIZE) < side)
    return int((shown & near & ~np.logical_or.reduce([*others.values(), np.zeros_like(near)])).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--inversion", default="direct")
    parser.add_argument("--pictures", type=Path, help="a folder for sheets: source, truth, and each row's edit")
    options = parser.parse_args()
    editor = Editor.from_pretrained()
    errors: dict[tuple[str, bool], list[float]] = {(row, grows): [] for row in ROWS for grows in (True, False)}
    likeness: dict[str, list[tuple[float, float]]] = {row: [] for row in ROWS}
    for number, case in zip(range(options.cases), cases(), strict=False):
        truth = render_picture(case.truth)
        photo = Image.fromarray(render_picture(case.source))
        caption, target = case.source.caption, case.truth.caption
        source = editor.invert(photo, caption, method=options.inversion, num_inference_steps=options.steps)
        true_ratio = ratio(case.old.word, case.new.word)
        touched = render(case.truth)[1][case.new.word] | render(case.source)[1][case.old.word]
        sheet = [photo, Image.fromarray(truth)]
        for row, resize in zip(ROWS, ("off", "auto", true_ratio), strict=True):
            edited = editor.edit(source, target, resize=resize, recipe="published")
            picture = np.asarray(edited.image)
            found = max(area(case, picture), 1)
            errors[row, true_ratio > 1].append(float(np.log2(found / max(area(case, truth), 1))))
            one, other = picture / 255, truth / 255
            likeness[row].append((capped_psnr(mse(one, other)), capped_psnr(mse(one, other, ~touched))))
            sheet.append(edited.image)
        print(f"{number + 1}: {caption} -> {target} ({true_ratio:.2f})", flush=True)
        if options.pictures is not None:
            save_strip(sheet, options.pictures / f"{number + 1:03d}.png")
    print(table(errors, likeness))


def table(errors: dict[tuple[str, bool], list[float]], likeness: dict[str, list[tuple[float, float]]]) -> str:
    lines = [
        "| resize | larger: area against the truth | smaller | mean error | PSNR to the perfect edit | outside |",
        "|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        larger, smaller = errors[row, True], errors[row, False]
        error = mean_of([abs(value) for value in (*larger, *smaller)])
        assert error is not None
        whole, outside = np.mean(likeness[row], axis=0)
        lines.append(
            f"| {row} | {_times(larger)} | {_times(smaller)} | "
            f"{error.value:.2f} ({error.low:.2f} to {error.high:.2f}) | {whole:.1f} dB | {outside:.1f} dB |"
        )
    return "\n".join(lines)


def _times(errors: list[float]) -> str:
    return f"{2 ** np.mean(errors):.2f} x" if errors else "-"


if __name__ == "__main__":
    main()
