"""Train the judge on rendered scenes, blurred, tinted and noised so that it forgives what a model smears."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import ResNetForImageClassification

from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import Judge, as_input, build_network
from wordbrush.scenes.judge.labels import encode, parts
from wordbrush.scenes.render import render_picture
from wordbrush.scenes.scene import sample_scene
from wordbrush.scenes.training.run import TrainingRun

SEED = 37


def train_judge(
    folder: Path, minutes: float, device: str, *, batch_size: int = 64, max_steps: int | None = None
) -> ResNetForImageClassification:
    """Train for a number of minutes in all and return the averaged network, its statistics those of clean scenes."""
    torch.manual_seed(SEED)
    network = build_network().to(device, memory_format=torch.channels_last)
    run = TrainingRun(folder, {"judge": network}, minutes=minutes, learning_rate=2e-3, ema_decay=0.998)

    def step(index: int) -> tuple[Tensor, int]:
        pictures, casts = draw(SEED, index, batch_size)
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + index)
        x = spoiled(as_input(pictures), generator).to(device, memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16):
            logits = network(x).logits
        return loss_of(logits.float(), casts), batch_size

    run.train(step, max_steps=max_steps)
    network.load_state_dict(run.averaged("judge"))
    return network.to("cpu").eval()


def draw(seed: int, index: int, count: int, *, held_out: bool = False) -> tuple[Tensor, list[Cast]]:
    """Pictures (count, size, size, 3) in bytes and the casts that they show."""
    rng = np.random.default_rng((seed, index))
    scenes = [sample_scene(rng, held_out=held_out) for _ in range(count)]
    pictures = np.stack([render_picture(scene) for scene in scenes])
    return torch.from_numpy(pictures), [scene.cast for scene in scenes]


def spoiled(x: Tensor, generator: torch.Generator) -> Tensor:
    """Blur, tint and noise pictures (B, 3, h, w), each by its own chance."""
    small = functional.avg_pool2d(x, 2)
    blurred = functional.interpolate(small, size=x.shape[-2:], mode="bilinear", align_corners=False)
    share = torch.rand(len(x), 1, 1, 1, generator=generator) * 1.2 - 0.3
    x = torch.lerp(x, blurred, share.clamp(0, 1))
    gain = 1 + 0.15 * (2 * torch.rand(len(x), 3, 1, 1, generator=generator) - 1)
    noise = 0.08 * torch.rand(len(x), 1, 1, 1, generator=generator) * torch.randn(x.shape, generator=generator)
    return x * gain + noise


def loss_of(logits: Tensor, casts: list[Cast]) -> Tensor:
    """Each noun a question of its own, one place, one style."""
    told_nouns, told_places, told_styles = (part.to(logits.device) for part in encode(casts))
    nouns, places, styles = parts(logits)
    # A noun is rarely there: the sum over nouns, not their mean, weighs as much as the place.
    presence = functional.binary_cross_entropy_with_logits(nouns, told_nouns, reduction="none").sum(1).mean()
    return presence + functional.cross_entropy(places, told_places) + functional.cross_entropy(styles, told_styles)


def accuracy(judge: Judge, count: int, *, held_out: bool) -> dict[str, float]:
    """How often the judge is right on new scenes: nouns shown that it finds, all nouns right, place, style."""
    found = shown = right = places = styles = 0
    for index in range(-(-count // 100)):
        pictures, casts = draw(SEED + 1, index, 100, held_out=held_out)
        for verdict, cast in zip(judge.all(list(pictures.numpy())), casts, strict=True):
            truth = {cast.subject, cast.partner} - {None}
            seen = {noun for noun in verdict.nouns if verdict.shows(noun)}
            shown, found = shown + len(truth), found + len(truth & seen)
            right += truth == seen
            places += verdict.place == cast.place
            styles += verdict.style == cast.style
    total = 100 * -(-count // 100)
    return {"found": found / shown, "exact": right / total, "place": places / total, "style": styles / total}
