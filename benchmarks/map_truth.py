"""Do a noun's attention maps fall on its object? Measured on rendered scenes, whose masks are exact.

    python benchmarks/map_truth.py [--model FOLDER] [--scenes N] [--noise 0.2 0.4 0.6 0.8] [--art new]

Each scene is rendered at the model's size, encoded, noised part of the way, and shown to the U-Net once per noise
level with the scene's caption: no sampling, so the picture is the scene and its masks are the truth. "Pointing": the
map's largest value lies on the object. IoU: of the mask with the map above a threshold, a part of the way from the
map's smallest to its largest value; one threshold for all nouns and scenes of a row, the best of 19, is given. By
chance, pointing is the mean share of the picture that objects take, and so is the IoU of a map that is everywhere.
"""

import argparse
from collections import defaultdict
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.maps.arrays import MapArrays
from wordbrush.maps.capture import Capture
from wordbrush.maps.plan import default_grid
from wordbrush.maps.request import MapsRequest
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.scenes.atlas import Art
from wordbrush.scenes.captions import called
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import Scene, sample_scene
from wordbrush_bench.peers.shared import SharedModel

THRESHOLDS = np.linspace(0.05, 0.95, 19)
SEED = 2
LEAST_SHARE = 0.01
"""Nouns that are hidden behind others but for less than this share of the picture are left out."""

Found = list[tuple[bool, NDArray[np.float64], float]]
"""For each noun: whether its map points at it, its IoU at each threshold, the share of the picture that it takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder of a model of scenes; without it the bundled model")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.2, 0.4, 0.6, 0.8], metavar="PART")
    parser.add_argument("--art", choices=get_args(Art), default="model", help="whose drawings the scenes show")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    model = SharedModel.load(options.model, options.device, "float32")
    rng = np.random.default_rng(SEED)
    found: dict[str, Found] = defaultdict(list)
    for number in range(options.scenes):
        scene = sample_scene(rng, options.art)
        maps, masks = look(model, scene, options.noise, number)
        for word, mask in masks.items():
            if mask.mean() >= LEAST_SHARE:
                for row, map_hw in rows(maps, word, scene, options.noise):
                    found[row].append(score(map_hw, mask))
    print(table(found, options.scenes, options.noise))


@torch.no_grad()
def look(
    model: SharedModel, scene: Scene, noise: list[float], seed: int
) -> tuple[MapArrays, dict[str, NDArray[np.bool_]]]:
    """The maps of a scene's nouns at the picture's size, each noise level a step; and their masks."""
    adapter, pipeline = model.adapter, model.pipeline
    side = int(pipeline.unet.config["sample_size"]) * adapter.vae_factor
    picture, masks = render(scene, side)
    masks = {called(scene.cast, noun): mask for noun, mask in masks.items()}
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].to(adapter.device, adapter.dtype) / 127.5 - 1
    latents = pipeline.vae.encode(pixels).latent_dist.mean * pipeline.vae.config["scaling_factor"]
    settings = GenerationSettings(scene.caption, "", seed, len(noise), 1.0, side, side)
    request = MapsRequest(list(masks), resolution="all", per_step=True)
    capture = Capture(adapter, request, settings, {SOURCE: adapter.tokenize(scene.caption)}, len(noise), "benchmark")
    text, own_noise = adapter.encode(scene.caption), adapter.noise(seed, side, side)
    last = int(pipeline.scheduler.config["num_train_timesteps"]) - 1
    for step, part in enumerate(noise):
        timestep = torch.tensor(round(part * last), device=adapter.device)
        noisy = pipeline.scheduler.add_noise(latents, own_noise, timestep[None])
        control = StepControl(step, BatchLayout.of([SOURCE], guided=False), None, watches=[capture.watch])
        adapter.predict(noisy, timestep, text, control)
    maps = capture.maps(SOURCE)
    assert maps is not None
    return maps, masks


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
