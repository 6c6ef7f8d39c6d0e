"""Can a drawing that the bundled model never saw be learnt from 4 pictures, and put in a dog's place?

    python benchmarks/own_word.py [--sprite NOUN] [--init WORD] [--steps N] [--edits N] [--lora]
                                   [--strength F] [--out FOLDER]

The drawing is one of the held-out family, which no training shows, alone in 4 places, each with its caption. It is
learnt by `wordbrush learn`'s own function, which goes on where it stopped. Then "a dog eating an apple" is generated
and the dog replaced by the word, and by "cat" beside it. The judge of scenes says whether the edit shows what was
asked; the background is the cells that it takes for neither the dog nor the new thing, before and after.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wordbrush import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.learning.learn import learn
from wordbrush.learning.settings import LearnSettings
from wordbrush.metrics.likeness import capped_psnr, mse
from wordbrush.models.load import load_pipeline
from wordbrush.scenes.atlas import HELD_OUT
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import CELLS, Judge
from wordbrush.scenes.render import SIZE, render_picture
from wordbrush.scenes.scene import NUM_DRAWS, compose
from wordbrush.scenes.vocabulary import NOUNS
from wordbrush.views.sheets import comparison

SEED = 2031
FAMILY = "twemoji"
WORD = "<sprite>"
PLACES = (None, "garden", "beach", "snow")
SHOWN = 6
WINDOWS: EditOptions = {"recipe": "published", "cross_replace_steps": 0.4, "self_replace_steps": 0.2}


@dataclass(frozen=True)
class Edited:
    shown: bool
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


def draws(rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist())


def judged(judge: Judge, source: Image.Image, edit: Image.Image, noun: str) -> Edited:
    before, after = (judge(picture) for picture in (source, edit))
    touched = np.logical_or.reduce([verdict.where(word) for verdict in (before, after) for word in ("dog", noun)])
    beside = ~np.kron(touched, np.ones((SIZE // CELLS, SIZE // CELLS), bool))
    one, other = (np.asarray(picture.convert("RGB")) / 255 for picture in (source, edit))
    return Edited(after.shows(noun), capped_psnr(mse(one, other, beside)))


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
    parser.add_argument("--strength", type=float, help="of recipes; without it windows of cross 0.4 and self 0.2")
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
    editor, judge = Editor.from_pretrained(), Judge.load()
    editor.load_concept(files[0], WORD)
    if len(files) > 1:
        editor.load_lora(files[1])
    asked = {WORD: options.sprite, "cat": "cat"}
    how: EditOptions = WINDOWS if options.strength is None else {"strength": options.strength}
    found: dict[str, list[Edited]] = {word: [] for word in asked}
    rows = list[list[tuple[str, Image.Image]]]()
    for seed in range(options.edits):
        source = editor.generate("a dog eating an apple", seed=seed)
        rows.append([("source", source.image)])
        for word, noun in asked.items():
            target = f"a {word} eating an apple"
            edit = editor.edit(source, target, **how)
            found[word].append(judged(judge, source.image, edit.image, noun))
            rows[-1].append((word, edit.image))
    comparison(rows[:SHOWN], min_side=128).save(options.out / "edits.png")
    return "\n".join(
        [
            f"| {options.edits} edits of a dog | shows what was asked | background, dB |",
            "|---|---|---|",
            *(
                f"| into {word} | {np.mean([edit.shown for edit in edits]):.0%} | "
                f"{np.mean([edit.background for edit in edits]):.1f} |"
                for word, edits in found.items()
            ),
        ]
    )


if __name__ == "__main__":
    main()
