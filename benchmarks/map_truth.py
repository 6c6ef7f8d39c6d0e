"""Do a noun's attention maps fall on its object? Measured on rendered scenes, whose masks are exact.

    python benchmarks/map_truth.py [--model FOLDER] [--scenes N] [--noise 0.2 0.4 0.6 0.8] [--art new] [--layers]

Each scene is rendered at the model's size, encoded, noised part of the way, and shown to the network once per noise
level with the scene's caption: no sampling, so the picture is the scene and its masks are the truth. With --layers
each layer has a row of its own. "Pointing": the map's largest value lies on the object. IoU: of the mask with the map
above a threshold, a part of the way from the map's smallest to its largest value; one threshold for all nouns and
scenes of a row, the best of 19, is given. By chance, pointing is the mean share of the picture that objects take, and
so is the IoU of a map that is everywhere.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.maps.arrays import MapArrays
from wordbrush.maps.capture import Capture
from wordbrush.maps.plan import default_grid
from wordbrush.maps.request import MapsRequest
from wordbrush.models.load import load_pipeline
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.scenes.atlas import Art
from wordbrush.scenes.captions import called
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import Scene, sample_scene

THRESHOLDS = np.linspace(0.05, 0.95, 19)
SEED = 2
SCHEDULE = 999
"""Steps of the schedule that noise levels are taken from: the most that all models take."""
LEAST_SHARE = 0.01
"""Nouns that are hidden behind others but for less than this share of the picture are left out."""

Apart = Literal["per_step", "per_site"]

Found = list[tuple[bool, NDArray[np.float64], float]]
"""For each noun: whether its map points at it, its IoU at each threshold, the share of the picture that it takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder of a model of scenes; without it the bundled model")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.2, 0.4, 0.6, 0.8], metavar="PART")
    parser.add_argument("--art", choices=get_args(Art), default="model", help="whose drawings the scenes show")
    parser.add_argument("--layers", action="store_true", help="also a row for each layer")
    parser.add_argument("--device", help="cpu, cuda or mps; else the best there is")
    options = parser.parse_args()
    adapter = load_pipeline(options.model, options.device, "float32")[0].adapter
    rng = np.random.default_rng(SEED)
    found: dict[str, Found] = defaultdict(list)
    for number in range(options.scenes):
        scene = sample_scene(rng, options.art)
        apart: list[Apart] = ["per_step", "per_site"] if options.layers else ["per_step"]
        (maps, *by_layer), masks = look(adapter, scene, options.noise, number, apart)
        for word, mask in masks.items():
            if mask.mean() >= LEAST_SHARE:
                for row, map_hw in rows(maps, word, scene, options.noise):
                    found[row].append(score(map_hw, mask))
                for layers in by_layer:
                    for site in layers.sites:
                        found[site].append(score(layers.site(site).resized().word(word), mask))
    print(table(found, options.scenes, options.noise))


@torch.no_grad()
def look(
    adapter: Adapter, scene: Scene, noise: list[float], seed: int, apart: Sequence[Apart]
) -> tuple[list[MapArrays], dict[str, NDArray[np.bool_]]]:
    """The maps of a scene's nouns, each noise level a step, for each way to keep them `apart`; and the nouns' masks at
    the picture's size.
    """
    height, width = adapter.native_size
    picture, masks = render(scene, height)
    masks = {called(scene.cast, noun): mask for noun, mask in masks.items()}
    latents = adapter.encode_image(Image.fromarray(picture))
    settings = GenerationSettings(scene.caption, "", seed, len(noise), 1.0, height, width)
    prompts, words = {SOURCE: adapter.tokenize(scene.caption)}, list(masks)
    captures = [
        Capture(
            adapter, MapsRequest(words, resolution="all", **{kept: True}), settings, prompts, len(noise), "benchmark"
        )
        for kept in apart
    ]
    solver, text = adapter.solver(SCHEDULE, height, width), adapter.encode(scene.caption)
    start = solver.start(adapter.noise(seed, height, width))
    parts = np.array([solver.part(timestep) for timestep in solver.timesteps])
    for step, part in enumerate(noise):
        timestep = solver.timesteps[int(np.abs(parts - part).argmin())]
        noisy = solver.model_input(solver.noised(latents, start, timestep), timestep)
        watches = [capture.watch for capture in captures]
        control = StepControl(step, BatchLayout.of([SOURCE], guided=False), None, watches=watches)
        adapter.predict(noisy, timestep, text, control)
    maps = [capture.maps(SOURCE) for capture in captures]
    return [each for each in maps if each is not None], masks


def rows(maps: MapArrays, word: str, scene: Scene, noise: list[float]) -> list[tuple[str, NDArray[np.float32]]]:
    """The rows of the table that a noun counts in, with its map there."""
    usual = default_grid(maps.resolutions)
    named = [
        (f"{h} x {w}" + (", as by default" if (h, w) == usual else ""), maps.at((h, w)).resized())
        for h, w in maps.resolutions
    ]
    averaged = [(name, of.word(word)) for name, of in named]
    default = maps.at(usual).resized()
    role = "the subject" if word == called(scene.cast, scene.cast.subject) else "its partner"
    return [
        *averaged,
        *((f"by default, noise {part:g}", default.step(step).word(word)) for step, part in enumerate(noise)),
        (f"by default, {role}", default.word(word)),
    ]


def score(map_hw: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[bool, NDArray[np.float64], float]:
    peak = np.unravel_index(map_hw.argmax(), map_hw.shape)
    unit = (map_hw - map_hw.min()) / max(float(np.ptp(map_hw)), 1e-12)
    above = unit[None] > THRESHOLDS[:, None, None]
    iou = (above & mask).sum(axis=(1, 2)) / np.maximum((above | mask).sum(axis=(1, 2)), 1)
    return bool(mask[peak]), iou, float(mask.mean())


def table(found: dict[str, Found], scenes: int, noise: list[float]) -> str:
    lines = [
        f"{scenes} scenes, noise at {', '.join(f'{part:g}' for part in noise)} of the schedule, averaged where a row "
        "names none.",
        "",
        "| maps | nouns | pointing | by chance | mean IoU | at threshold |",
        "|---|---|---|---|---|---|",
    ]
    for row, scores in found.items():
        pointing = np.mean([points for points, _, _ in scores])
        iou = np.mean([ious for _, ious, _ in scores], axis=0)
        chance = np.mean([share for _, _, share in scores])
        best = int(iou.argmax())
        lines.append(
            f"| {row} | {len(scores)} | {pointing:.2f} | {chance:.2f} | {iou[best]:.2f} | {THRESHOLDS[best]:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
