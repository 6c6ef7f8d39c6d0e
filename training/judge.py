"""Train the judge on rendered scenes, blurred, tinted and noised so that it forgives what a model smears."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from wordbrush.scenes.atlas import Art
from wordbrush.scenes.batch import sample_scenes
from wordbrush.scenes.judge.judge import CELLS, Judge
from wordbrush.scenes.judge.labels import NOUN_NAMES, STYLE_NAMES, classes_of_masks, parts
from wordbrush.scenes.judge.network import JudgeNetwork
from wordbrush.scenes.pixels import as_input
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import Scene

SEED = 37
NOUN_WEIGHT = 2.0
"""Cells that show a thing weigh more than those of the place, of which there are more."""


def train_judge(folder: Path, schedule: Schedule, device: str, *, batch_size: int = 32) -> JudgeNetwork:
    """Train by a schedule and return the averaged network."""
    torch.manual_seed(SEED)
    network = JudgeNetwork().to(device)
    run = TrainingRun(folder, {"judge": network}, schedule=schedule, ema_decay=0.995)

    def step(lot: int) -> tuple[Tensor, int]:
        pictures, classes, styles, _ = draw(SEED, lot, batch_size)
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        x = spoiled(as_input(pictures), generator).to(device)
        with fast_products(device):
            logits = network(x)
        return loss_of(logits.float(), classes.to(device), styles.to(device)), batch_size

    run.train(step)
    network.load_state_dict(run.averaged("judge"))
    return network.to("cpu").eval()


def draw(seed: int, index: int, count: int, art: Art = "judge") -> tuple[Tensor, Tensor, Tensor, Sequence[Scene]]:
    """Pictures (count, size, size, 3) in bytes, the classes of their cells (count, h, w), their styles (count,), and
    the scenes that they show.
    """
    scenes = sample_scenes(seed, index, count, art)
    pictures, masks = zip(*map(render, scenes), strict=True)
    classes = [classes_of_masks(shown, scene.cast.place, CELLS) for scene, shown in zip(scenes, masks, strict=True)]
    styles = torch.tensor([STYLE_NAMES.index(scene.cast.style) for scene in scenes])
    return torch.from_numpy(np.stack(pictures)), torch.stack(classes), styles, scenes


def spoiled(x: Tensor, generator: torch.Generator) -> Tensor:
    """Blur, tint and noise pictures (B, 3, h, w), each by its own chance."""
    small = functional.avg_pool2d(x, 2)
    blurred = functional.interpolate(small, size=x.shape[-2:], mode="bilinear", align_corners=False)
    share = torch.rand(len(x), 1, 1, 1, generator=generator) * 1.2 - 0.3
    x = torch.lerp(x, blurred, share.clamp(0, 1))
    gain = 1 + 0.15 * (2 * torch.rand(len(x), 3, 1, 1, generator=generator) - 1)
    noise = 0.08 * torch.rand(len(x), 1, 1, 1, generator=generator) * torch.randn(x.shape, generator=generator)
    return x * gain + noise


def loss_of(logits: Tensor, classes: Tensor, styles: Tensor) -> Tensor:
    """What each cell shows, and the style of the whole."""
    cells, whole = parts(logits)
    weight = torch.ones(cells.shape[1], device=cells.device)
    weight[: len(NOUN_NAMES)] = NOUN_WEIGHT
    return functional.cross_entropy(cells, classes, weight=weight) + 0.3 * functional.cross_entropy(whole, styles)


def accuracy(judge: Judge, count: int, art: Art) -> dict[str, float]:
    """How often the judge is right on new scenes: nouns shown that it finds, all nouns right, place, style."""
    found = shown = right = places = styles = 0
    batches = -(-count // 100)
    for index in range(batches):
        pictures, _, _, scenes = draw(SEED + 1, index, 100, art)
        for verdict, scene in zip(judge.all(list(pictures.numpy())), scenes, strict=True):
            truth = set(scene.cast.nouns)
            shown, found = shown + len(truth), found + len(truth & verdict.nouns)
            right += truth == verdict.nouns
            places += verdict.place == scene.cast.place
            styles += verdict.style == scene.cast.style
    total = 100 * batches
    return {"found": found / shown, "exact": right / total, "place": places / total, "style": styles / total}
