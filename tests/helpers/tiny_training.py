"""What tests of the trainer share: networks of tiny size, and short runs."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from training.checkpoint import load_state
from training.critic import Critic
from training.denoiser import train_denoiser
from training.run import TrainingRun
from training.schedule import Schedule
from training.shards import write_shards
from training.tokenizer import MAX_LENGTH


def tiny_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(16, 32),
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=2,
        norm_num_groups=8,
    )


def train_tiny(folder: Path, vae: AutoencoderKL, steps: int) -> TrainingRun:
    latents = folder.parent / "latents"
    list(write_shards(latents, vae, seed=1, count=2, length=MAX_LENGTH, device="cpu", size=6))
    torch.manual_seed(5)
    return train_denoiser(
        folder, latents, Schedule(1e-3, steps), "cpu", unet=tiny_unet(), critic=Critic(4), batch_size=4
    )


def train_line(folder: Path, schedule: Schedule, stop_in: int | None = None) -> tuple[TrainingRun, list[float]]:
    """Fit a line to one fixed batch, with torch's own noise on top; `stop_in` is a step that is interrupted."""
    torch.manual_seed(1)
    model = nn.Linear(3, 1)
    x = torch.linspace(-1, 1, 24).reshape(8, 3)
    run = TrainingRun(folder, {"model": model}, schedule=schedule, save_every_seconds=0)
    losses: list[float] = []

    def step(lot: int) -> tuple[Tensor, int]:
        loss = (model(x + 0.01 * torch.randn_like(x)) - x.sum(1, keepdim=True)).square().mean()
        if lot == stop_in:
            raise KeyboardInterrupt
        losses.append(float(loss.detach()))
        return loss, len(x)

    run.train(step)
    return run, losses


def same(a: object, b: object) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(same, a, b))
    return a == b


def states(*folders: Path) -> list[dict[str, object]]:
    """The states in some folders without what depends on the clock: the time spent."""
    found = []
    for folder in folders:
        state = load_state(folder / "state.pt")
        del state["progress"]["seconds"]
        found.append(state)
    return found
