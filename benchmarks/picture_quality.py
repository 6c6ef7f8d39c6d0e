"""What a model of scenes draws: whether it is what captions say, how sharp it is, and faces to look at.

    python -m benchmarks.picture_quality [--model FOLDER] [--pictures 1000] [--steps N] [--eta 0] [--faces SHEET.png]

The judge, a classifier trained on rendered scenes alone, says what pictures show. Sharpness: the mean squared
difference of neighbouring pixels inside of objects, where the judge sees them, as a share of that in rendered scenes
of the same casts. `--eta 1` draws noise afresh in each step (Song et al. 2021). `--faces` writes a sheet of 60
pictures of 20 animals, three seeds each, on which faces are counted by eye: eyes and mouth where they belong.
"""

import argparse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from diffusers import DDIMScheduler, DiffusionPipeline, StableDiffusion3Pipeline, StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

from training.sample_grid import draw_grid, drawn
from wordbrush.models.folder import bundled_folder
from wordbrush.models.own_settings import read_own_settings
from wordbrush.scenes.captions import caption
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import Judge, Verdict
from wordbrush.scenes.render import render_picture
from wordbrush.scenes.sample_cast import sample_cast
from wordbrush.scenes.scene import NUM_DRAWS, compose

BATCH = 25
FACES = (
    "dog cat lion tiger panda bear rabbit fox frog pig monkey koala cow mouse owl hamster raccoon wolf unicorn robot"
).split()


@dataclass
class Tally:
    """What was asked and what was right, by kind; and edges of objects, drawn and rendered."""

    asked: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    drawn: list[float] = field(default_factory=list)
    rendered: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=bundled_folder(), help="a folder; the bundled one if not given")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--eta", type=float, default=0.0, help="share of fresh noise in each step, 0 to 1")
    parser.add_argument("--faces", type=Path, help="where to write the sheet of animals")
    options = parser.parse_args()
    defaults = read_own_settings(options.model)[0]
    steps = options.steps or defaults.num_inference_steps
    pipeline = DiffusionPipeline.from_pretrained(options.model)
    pipeline.set_progress_bar_config(disable=True)
    if options.eta and not isinstance(pipeline.scheduler, DDIMScheduler):
        parser.error("--eta is for models that are sampled by DDIM; leave it out")
    if options.pictures:
        print_tally(tally(pipeline, options.pictures, steps, defaults.guidance_scale, options.eta), options)
    if options.faces:
        prompts = tuple(f"a {animal}" if animal != "owl" else "an owl" for animal in FACES)
        draw_grid(pipeline, options.faces, prompts=prompts, seeds=(1, 2, 3), num_inference_steps=steps)


def tally(
    pipeline: StableDiffusionPipeline | StableDiffusion3Pipeline,
    count: int,
    steps: int,
    guidance_scale: float,
    eta: float,
) -> Tally:
    """Draw random captions, and ask the judge whether all they say is there."""
    judge, rng, found = Judge.load(), np.random.default_rng(7), Tally()
    casts = [sample_cast(rng) for _ in range(count)]
    scenes = [compose(cast, tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist())) for cast in casts]
    for start in range(0, count, BATCH):
        batch = casts[start : start + BATCH]
        pictures = drawn(
            pipeline,
            [caption(cast) for cast in batch],
            range(start, start + len(batch)),
            guidance_scale=guidance_scale,
            num_inference_steps=steps,
            eta=eta,
        )
        truths = [render_picture(scene) for scene in scenes[start : start + BATCH]]
        for picture, verdict, cast in zip(pictures, judge.all(pictures), batch, strict=True):
            count_answers(found, verdict, cast)
            found.drawn += edges(picture, verdict, cast)
        for truth, verdict, cast in zip(truths, judge.all(truths), batch, strict=True):
            found.rendered += edges(Image.fromarray(truth), verdict, cast)
    return found


def count_answers(found: Tally, verdict: Verdict, cast: Cast) -> None:
    """Take in what the judge says of one picture."""
    shown = {noun: verdict.shows(noun) for noun in cast.nouns}
    kind = "one object" if cast.partner is None else "both of two objects"
    answers = {kind: all(shown.values()), "place": verdict.place == cast.place}
    if cast.style is not None:
        answers["style"] = verdict.style == cast.style
    found.asked.update(answers.keys())
    found.right.update(name for name, answer in answers.items() if answer)
    found.missed.update(noun for noun, there in shown.items() if not there)


def edges(picture: Image.Image, verdict: Verdict, cast: Cast) -> list[float]:
    """The mean squared difference of neighbouring pixels (grey, 0 to 1) in each object that the judge sees."""
    grey = np.asarray(picture.convert("L"), np.float64) / 255
    energy: NDArray[np.float64] = np.diff(grey, axis=0)[:, :-1] ** 2 + np.diff(grey, axis=1)[:-1] ** 2
    found = []
    for noun in cast.nouns:
        where = verdict.where(noun).repeat(8, 0).repeat(8, 1)[:-1, :-1]
        if verdict.shows(noun):
            found.append(float(energy[where].mean()))
    return found


def print_tally(found: Tally, options: argparse.Namespace) -> None:
    print(f"| {options.pictures} pictures of random captions, eta {options.eta:g} | asked | right |\n|---|---|---|")
    for name in ("one object", "both of two objects", "place", "style"):
        print(f"| {name} | {found.asked[name]} | {100 * found.right[name] / max(found.asked[name], 1):.1f} % |")
    share = np.mean(found.drawn) / np.mean(found.rendered) if found.drawn else 0.0
    print(f"| sharpness of objects | {len(found.drawn)} | {100 * share:.0f} % of rendered scenes |")
    print("\nmost often missed: " + ", ".join(f"{noun} ({times})" for noun, times in found.missed.most_common(12)))


if __name__ == "__main__":
    main()
