"""Can a drawing that the bundled model never saw be learnt from 4 pictures, and put in a dog's place?

    python benchmarks/own_word.py [--sprite NOUN] [--init WORD] [--steps N] [--edits N] [--lora] [--out FOLDER]

The drawing is one of the held-out family, which no training shows, alone in 4 places. It is learnt by
`wordbrush learn`'s own function. Then rendered scenes of "a dog eating an apple" are inverted and the dog replaced by
the word, and by "cat" beside it. Whose drawing an edit shows is asked of the perfect edits: each animal's drawings of
all families, in the dog's place on the same ground; the nearest by squared error, over the pixels that any of dog,
drawing and cat covers, is what it shows. The background is what none of them covers.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush import Editor
from wordbrush.learning.learn import learn
from wordbrush.learning.settings import LearnSettings
from wordbrush.metrics.likeness import capped_psnr, mse
from wordbrush.models.load import load_pipeline
from wordbrush.scenes.atlas import FAMILIES, HELD_OUT
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.render import render, render_picture
from wordbrush.scenes.scene import NUM_DRAWS, Scene, compose
from wordbrush.scenes.vocabulary import NOUNS
from wordbrush.views.sheets import comparison

SEED = 2031
FAMILY = "twemoji"
WORD = "<sprite>"
PLACES = (None, "garden", "beach", "snow")
SHOWN = 6


@dataclass(frozen=True)
class Edited:
    picture: NDArray[np.uint8]
    nearest: tuple[str, str]
    background: float


def pictures_to_learn_from(sprite: str, folder: Path) -> list[Path]:
    rng = np.random.default_rng(SEED)
    paths = []
    for number, place in enumerate(PLACES):
        scene = compose(Cast("alone", sprite, FAMILY, place=place), draws(rng))
        paths.append(folder / f"{sprite}-{number + 1}.png")
        Image.fromarray(render_picture(scene)).save(paths[-1])
        paths[-1].with_suffix(".txt").write_text(scene.caption.replace(sprite, WORD))
    return paths


def scenes() -> Iterator[Scene]:
    rng = np.random.default_rng(SEED + 1)
    while True:
        yield compose(Cast("eating", "dog", "flat", "apple", "flat"), draws(rng))


def draws(rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist())


def with_drawing(scene: Scene, noun: str, family: str) -> Scene:
    """The scene with another drawing in the dog's place, and of its size."""
    objects = tuple(replace(o, word=noun, family=family) if o.word == "dog" else o for o in scene.objects)
    return replace(scene, objects=objects)


def judged(scene: Scene, sprite: str, edit: Image.Image) -> Edited:
    picture = np.asarray(edit.convert("RGB"))
    candidates = {(n, f): with_drawing(scene, n, f) for n in NOUNS if NOUNS[n].category == "animal" for f in FAMILIES}
    covered = np.logical_or.reduce(
        [
            render(scene)[1]["dog"],
            render(candidates[sprite, FAMILY])[1][sprite],
            render(candidates["cat", "flat"])[1]["cat"],
        ]
    )
    errors = {which: mse(picture / 255, render_picture(s) / 255, covered) for which, s in candidates.items()}
    beside = mse(picture / 255, render_picture(scene) / 255, ~covered)
    return Edited(picture, min(errors, key=lambda which: errors[which]), capped_psnr(beside))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    held_out = sorted(noun for noun, _ in HELD_OUT if NOUNS[noun].category == "animal")
    parser.add_argument("--sprite", default="robot", choices=held_out)
    parser.add_argument("--init", default="bear")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--vectors", type=int, default=4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--lora-rate", type=float, default=1e-3)
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--edit-steps", type=int, default=12)
    parser.add_argument("--lora", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("own-word"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = pictures_to_learn_from(options.sprite, options.out)
    settings = LearnSettings(
        WORD,
        options.init,
        options.vectors,
        lora=options.lora,
        steps=options.steps,
        learning_rate=options.rate,
        lora_learning_rate=options.lora_rate,
        rank=options.rank,
    )
    started = time.monotonic()
    pipeline, model = load_pipeline(None, "cpu", "float32")

    def preview(shown) -> None:
        row = [(f"step {shown.step}", picture) for picture in shown.pictures]
        comparison([row], min_side=128).save(options.out / f"preview-{shown.step:05d}.png")

    learnt = learn(pipeline, model, paths, settings, options.out, on_preview=preview)
    minutes = (time.monotonic() - started) / 60
    print(f"learnt in {learnt.steps} steps, {minutes:.1f} minutes; losses {[round(x, 4) for x in learnt.losses]}")
    print(table(options, learnt.files))


def table(options: argparse.Namespace, files: tuple[Path, ...]) -> str:
    editor = Editor.from_pretrained()
    editor.load_concept(files[0], WORD)
    if len(files) > 1:
        editor.load_lora(files[1])
    sprites, cats, rows = list[Edited](), list[Edited](), list[list[tuple[str, Image.Image]]]()
    for number, scene in zip(range(options.edits), scenes(), strict=False):
        photo = Image.fromarray(render_picture(scene))
        source = editor.invert(photo, "a dog eating an apple", method="direct", num_inference_steps=options.edit_steps)
        edits = [
            editor.edit(source, f"a {word} eating an apple", cross_replace_steps=0.4, self_replace_steps=0.2)
            for word in (WORD, "cat")
        ]
        sprites.append(judged(scene, options.sprite, edits[0].image))
        cats.append(judged(scene, options.sprite, edits[1].image))
        truth = render_picture(with_drawing(scene, options.sprite, FAMILY))
        if number < SHOWN:
            pictures = [photo, edits[0].image, Image.fromarray(truth), edits[1].image]
            rows.append(list(zip(["source", WORD, "perfect edit", "cat"], pictures, strict=True)))
    comparison(rows, min_side=128).save(options.out / "edits.png")
    asked = [(options.sprite, FAMILY) == edit.nearest for edit in sprites]
    noun = [options.sprite == edit.nearest[0] for edit in sprites]
    cat = [edit.nearest[0] == "cat" for edit in cats]
    return "\n".join(
        [
            f"| {len(sprites)} edits of a dog | shows what was asked | of these, the very drawing | background, dB |",
            "|---|---|---|---|",
            f"| into {WORD} | {np.mean(noun):.0%} | {np.mean(asked):.0%} | "
            f"{np.mean([edit.background for edit in sprites]):.1f} |",
            f"| into a cat, which the model knows | {np.mean(cat):.0%} | - | "
            f"{np.mean([edit.background for edit in cats]):.1f} |",
        ]
    )


if __name__ == "__main__":
    main()
