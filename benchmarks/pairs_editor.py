"""Whether an editor that was trained on a set of pairs follows instructions, on scenes that no pair showed.

    python -m benchmarks.pairs_editor [EDITOR] [--scenes 30] [--steps 10] [--sheet FILE]

`EDITOR` is a folder that `python -m training editor` wrote; without it the bundled model is asked, which was taught
nothing of the kind. Scenes are rendered, of animals and partners that are in no row of the set, and the judge says
what an edited picture shows. An instruction is followed if its thing is there: the panda and not the animal that
was, the snow, a sketch, no food, a purple vehicle. Beside it stand the picture that nobody touched, and chance:
what an editor reaches that is given another of the instructions, the next one that the scene can follow. *Kept* is
the part of the pictures that show what should stay, and PSNR says how far they are from the source. Prints
Markdown; `--sheet` draws the first scenes.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline, StableDiffusionPipeline
from PIL import Image

from training.editor import pipeline_of, widened
from training.instructions import INSTRUCTIONS, held_out
from wordbrush.metrics.likeness import capped_psnr, mse
from wordbrush.models.folder import bundled_folder
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import Judge, Verdict
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import Scene
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import draw_sheet
from wordbrush_bench.scenes.verdicts import colour_of


@dataclass(frozen=True)
class Tried:
    """A scene's picture, an instruction, and the picture that the editor made of it."""

    scene: Scene
    instruction: str
    before: Image.Image
    after: Image.Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("editor", type=Path, nargs="?")
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--guidance-scale", type=float, default=4.0)
    parser.add_argument("--image-guidance-scale", type=float, default=1.5)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    edit = editor(options)
    tried = list(edits(edit, options.scenes))
    report(tried)
    if options.sheet is not None:
        draw(tried, options.sheet)


def editor(options: argparse.Namespace) -> Any:
    """Gives a picture for each of several instructions on one picture."""
    if options.editor is None:
        start = StableDiffusionPipeline.from_pretrained(bundled_folder())
        start.to(dtype=torch.float32)  # stored as halves
        pipeline = pipeline_of(start, widened(start.unet), start.text_encoder)
    else:
        pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(options.editor)
    pipeline.to(dtype=getattr(torch, options.dtype))
    pipeline.set_progress_bar_config(disable=True)

    def edit(picture: Image.Image, instructions: list[str], seed: int) -> list[Image.Image]:
        made: list[Image.Image] = pipeline(
            instructions,
            image=[picture] * len(instructions),
            num_inference_steps=options.steps,
            guidance_scale=options.guidance_scale,
            image_guidance_scale=options.image_guidance_scale,
            generator=[torch.Generator().manual_seed(seed) for _ in instructions],
        ).images
        return made

    return edit


def edits(edit: Any, count: int) -> Any:
    """Every scene with every instruction that it can follow."""
    for number, (scene, asked) in enumerate(held_out(count)):
        before = Image.fromarray(render(scene)[0])
        for instruction, after in zip(asked, edit(before, list(asked), number), strict=True):
            yield Tried(scene, instruction, before, after)


def report(tried: list[Tried]) -> None:
    judge = Judge.load()
    shown = {id(one): judge(one.after) for one in tried}
    before = {id(one.scene): judge(one.before) for one in tried}
    by_scene = defaultdict(list)
    for one in tried:
        by_scene[id(one.scene)].append(one)
    scores: dict[str, list[tuple[bool, bool, bool, bool, float]]] = defaultdict(list)
    for one in tried:
        beside = by_scene[id(one.scene)]
        other = beside[(beside.index(one) + 1) % len(beside)]
        scores[one.instruction].append(
            (
                follows(one, one.after, shown[id(one)]),
                follows(one, other.after, shown[id(other)]),
                follows(one, one.before, before[id(one.scene)]),
                keeps(one, shown[id(one)]),
                psnr(one.before, one.after),
            )
        )
    print(f"{len(by_scene)} scenes, {len(tried)} edits\n")
    print("| instruction | edits | followed | by chance | untouched | kept | PSNR to the source, dB |")
    print("|---|---|---|---|---|---|---|")
    for name in (*(name for name in INSTRUCTIONS if name in scores), "all"):
        rows = [row for own, rows in scores.items() for row in rows if name in (own, "all")]
        followed, chance, untouched, kept, near = np.array(rows, float).mean(0)
        print(f"| {name} | {len(rows)} | {followed:.0%} | {chance:.0%} | {untouched:.0%} | {kept:.0%} | {near:.1f} |")


def follows(one: Tried, picture: Image.Image, seen: Verdict) -> bool:
    """Whether a picture shows what the instruction asks for."""
    cast: Cast = INSTRUCTIONS[one.instruction](one.scene.cast)
    source = one.scene.cast
    if cast.subject != source.subject:
        return seen.shows(cast.subject) and not seen.shows(source.subject)
    if cast.place != source.place:
        return seen.place == cast.place
    if cast.style != source.style:
        return seen.style == cast.style
    assert source.partner is not None  # all of these have one
    if cast.partner is None:
        return not seen.shows(source.partner)
    return colour_of(picture, seen.where(source.partner)) == cast.partner_adjective


def keeps(one: Tried, seen: Verdict) -> bool:
    """Whether a picture shows all things that the instruction leaves."""
    cast = INSTRUCTIONS[one.instruction](one.scene.cast)
    return all(seen.shows(noun) for noun in cast.nouns if noun in one.scene.cast.nouns)


def psnr(one: Image.Image, other: Image.Image) -> float:
    first, second = (np.asarray(picture.convert("RGB")) / 255 for picture in (one, other))
    return capped_psnr(mse(first, second))


def draw(tried: list[Tried], path: Path, first: int = 6) -> None:
    """The first scenes, each before and after its instructions."""
    strips = []
    for scene in list(dict.fromkeys(one.scene for one in tried))[:first]:
        own = [one for one in tried if one.scene is scene]
        after = [Captioned(one.after, one.instruction) for one in own]
        strips.append(Strip(after, references=[Captioned(own[0].before, scene.caption)]))
    draw_sheet([PictureGrid(strips)], title="Scenes of no pair, edited by instructions").save(path)


if __name__ == "__main__":
    main()
