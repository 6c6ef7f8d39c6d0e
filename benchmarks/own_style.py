"""Can a style that the bundled model has no word for be learnt, and edited in with the layout held?

    python benchmarks/own_style.py [--steps N] [--edits N] [--out FOLDER]

The style is a blueprint: light lines and a pale wash on blue. It is learnt with a LoRA from 8 rendered scenes, by
`wordbrush learn`'s own function, which goes on where it stopped. Then "a dog eating an apple" is generated without the
LoRA, and made a blueprint with it. What a perfect edit gives is known: the same drawing of lines, made of the source.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from own_word import timed_learning
from PIL import Image

from wordbrush import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.learning.settings import LearnSettings
from wordbrush.metrics.likeness import capped_psnr, mse
from wordbrush.scenes.atlas import MODEL_FAMILY
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import Judge
from wordbrush.scenes.render import render_picture
from wordbrush.scenes.scene import NUM_DRAWS, compose
from wordbrush.views.sheets import comparison

SEED = 2032
WORD = "<blueprint>"
INIT = "sketch"
PROMPT = "a dog eating an apple"
SHOWN = (("cat", None), ("car", "street"), ("tree", "garden"), ("horse", "farm"), ("castle", "mountain"),
         ("duck", "beach"), ("house", "snow"), ("banana", None))  # fmt: skip
"""The things and places that it is learnt from; neither the dog nor the apple is one."""
DARK, LIGHT = np.array([0.07, 0.2, 0.5]), np.array([0.88, 0.96, 1.0])
ROWS: dict[str, EditOptions] = {
    "drawn in the style, same seed": {"recipe": "published", "cross_replace_steps": 0.0, "self_replace_steps": 0.0},
    "edited in": {},
}


def blueprint(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as light lines, and a little of its shading, on blue."""
    grey = picture.astype(np.float64) @ np.array([0.3, 0.59, 0.11]) / 255
    padded = np.pad(grey, 1, mode="edge")
    across, down = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    light = np.clip(0.3 * grey + 1.6 * np.hypot(across, down), 0, 1)[..., None]
    return np.uint8(np.round(255 * (DARK + (LIGHT - DARK) * light)))


def pictures_to_learn_from(folder: Path) -> list[Path]:
    rng = np.random.default_rng(SEED)
    paths = []
    for noun, place in SHOWN:
        scene = compose(Cast("alone", noun, MODEL_FAMILY, place=place), tuple(rng.uniform(-1, 1, NUM_DRAWS)))
        paths.append(folder / f"{noun}.png")
        Image.fromarray(blueprint(render_picture(scene))).save(paths[-1])
        paths[-1].with_suffix(".txt").write_text(styled(scene.caption))
    return paths


def styled(caption: str) -> str:
    return f"a {WORD} painting of {caption}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=LearnSettings.steps)
    parser.add_argument("--edits", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("own-style"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    settings = LearnSettings(WORD, INIT, lora=True, steps=options.steps)
    print(table(options, timed_learning(pictures_to_learn_from(options.out), settings, options.out)))


def table(options: argparse.Namespace, files: tuple[Path, ...]) -> str:
    editor, judge = Editor.from_pretrained(), Judge.load()
    editor.load_concept(files[0], WORD)
    name = editor.load_lora(files[1], scale=0)
    found: dict[str, list[tuple[float, bool]]] = {row: [] for row in ("the source itself", *ROWS)}
    shown = list[list[tuple[str, Image.Image]]]()
    for seed in range(options.edits):
        source = editor.generate(PROMPT, seed=seed)
        perfect = Image.fromarray(blueprint(np.asarray(source.image.convert("RGB"))))
        pictures = {"the source itself": source.image}
        for row, how in ROWS.items():
            pictures[row] = editor.edit(source, styled(PROMPT), target_adapters={name: 1.0}, **how).image
        for row, picture in pictures.items():
            one, other = (np.asarray(each.convert("RGB")) / 255 for each in (picture, perfect))
            found[row].append((capped_psnr(mse(one, other)), {"dog", "apple"} <= judge(picture).nouns))
        shown.append([*pictures.items(), ("perfect", perfect)])
    comparison(shown[:6], min_side=128).save(options.out / "edits.png")
    return "\n".join(
        [
            f"| {options.edits} edits | PSNR to the source as a blueprint, dB | dog and apple are seen |",
            "|---|---|---|",
            *(
                f"| {row} | {np.mean([likeness for likeness, _ in rows]):.1f} | "
                f"{np.mean([seen for _, seen in rows]):.0%} |"
                for row, rows in found.items()
            ),
        ]
    )


if __name__ == "__main__":
    main()
