"""Can a drawing that the bundled model never saw be learnt from 4 pictures, and put in a dog's place?

    python benchmarks/own_word.py [--sprite NOUN] [--init WORD] [--steps N] [--edits N] [--lora]
                                   [--strength F] [--out FOLDER]

The drawing is one of the held-out family, which no training shows, alone in 4 places, each with its caption. It is
learnt by `wordbrush learn`'s own function, which goes on where it stopped. Then "a dog eating an apple" is generated
and the dog replaced by the word, and by "cat" beside it. The judge of scenes says whether the edit shows what was
asked, and an apple where the source shows one; the background is the cells that it takes for neither the dog nor the
new thing, before and after.
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
PARTNER = "apple"
SHOWN = 6


@dataclass(frozen=True)
class Edited:
    shown: bool
    partner: bool | None
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
    partner = after.shows(PARTNER) if before.shows(PARTNER) else None
    return Edited(after.shows(noun), partner, capped_psnr(mse(one, other, beside)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    held_out = sorted(noun for noun, _ in HELD_OUT if NOUNS[noun].category == "animal")
    parser.add_argument("--sprite", default="robot", choices=held_out)
    parser.add_argument("--init", default="bear")
    parser.add_argument("--steps", type=int, default=LearnSettings.steps)
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--strength", type=float, help="of the recipes; else as they are")
    parser.add_argument("--recipe", default="auto", help="auto or published")
    parser.add_argument("--vectors-alone", action="store_true", help="without a LoRA")
    parser.add_argument("--out", type=Path, default=Path("own-word"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = pictures_to_learn_from(options.sprite, options.out)
    settings = LearnSettings(WORD, options.init, lora=not options.vectors_alone, steps=options.steps)
    print(table(options, timed_learning(paths, settings, options.out)))


def timed_learning(pictures: list[Path], settings: LearnSettings, folder: Path) -> tuple[Path, ...]:
    """The files that learning writes; prints what it took."""
    started, worked = time.monotonic(), time.process_time()
    pipeline, model = load_pipeline(None, "cpu", "float32")
    learnt = learn(pipeline, model, pictures, settings, folder)
    minutes, of_core = (time.monotonic() - started) / 60, (time.process_time() - worked) / 60
    losses = [round(loss, 4) for loss in learnt.losses]
    print(f"learnt in {learnt.steps} steps, {minutes:.1f} minutes, {of_core:.1f} of a core's time; losses {losses}")
    return learnt.files


def table(options: argparse.Namespace, files: tuple[Path, ...]) -> str:
    editor, judge = Editor.from_pretrained(), Judge.load()
    editor.load_concept(files[0], WORD)
    if len(files) > 1:
        editor.load_lora(files[1])
    asked = {WORD: options.sprite, "cat": "cat"}
    how: EditOptions = {"recipe": options.recipe, "strength": options.strength}
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
            f"| {options.edits} edits of a dog | shows what was asked | the apple stays | background, dB |",
            "|---|---|---|---|",
            *(
                f"| into {word} | {np.mean([edit.shown for edit in edits]):.0%} | {_stays(edits)} | "
                f"{np.mean([edit.background for edit in edits]):.1f} |"
                for word, edits in found.items()
            ),
        ]
    )


def _stays(edits: list[Edited]) -> str:
    """Of the edits whose source shows the partner, how many do."""
    asked = [edit.partner for edit in edits if edit.partner is not None]
    return f"{np.mean(asked):.0%} of {len(asked)}" if asked else "-"


if __name__ == "__main__":
    main()
