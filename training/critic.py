"""A small network that says what each latent cell shows: the denoiser is asked for things it can name.

The squared error of the noise weighs every latent alike, and so a smear of the right colours costs little. What a
predicted picture shows is asked besides, by the cross-entropy of this network on it (a perceptual loss in the latent
space, as in Berrada et al. 2024, arXiv:2411.04873). The judge, which measures, is another network, on pixels.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.latent_pool import LatentPool
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from wordbrush.scenes.judge.labels import NOUN_NAMES, NUM_CELL_CLASSES

SEED = 53
NOUN_WEIGHT = 2.0
MOST_NOISE = 0.7
"""Standard deviation of the noise on latents, up to which it is taught to name them."""


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(functional.silu(self.first(functional.silu(x))))
        return out


class Critic(nn.Module):
    """From latents (B, C, h, w) to logits (B, classes, h, w) of what each cell shows."""

    def __init__(self, channels: int) -> None:
        """Build it, untrained."""
        super().__init__()
        self.near = nn.Sequential(nn.Conv2d(channels, 64, 3, padding=1), _Residual(64))
        self.far = nn.Sequential(nn.Conv2d(64, 144, 2, stride=2), _Residual(144), _Residual(144), _Residual(144))
        self.back = nn.ConvTranspose2d(144, 96, 2, stride=2)
        self.head = nn.Conv2d(64 + 96, NUM_CELL_CLASSES, 1)

    def forward(self, latents: Tensor) -> Tensor:
        """Say what each cell shows."""
        near = self.near(latents)
        far = self.back(functional.silu(self.far(near)))
        logits: Tensor = self.head(functional.silu(torch.cat([near, far], dim=1)))
        return logits


def cell_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy (B,) of logits (B, classes, h, w); cells that show a thing weigh more than those of the place."""
    weight = torch.ones(NUM_CELL_CLASSES, device=logits.device)
    weight[: len(NOUN_NAMES)] = NOUN_WEIGHT
    loss: Tensor = functional.cross_entropy(logits, classes, weight=weight, reduction="none").mean(dim=(1, 2))
    return loss


def train_critic(
    folder: Path,
    latents: Path,
    schedule: Schedule,
    device: str,
    *,
    batch_size: int = 64,
) -> Critic:
    """Train on the encoded scenes in `latents` by a schedule; returns the averaged network."""
    torch.manual_seed(SEED)
    pool = LatentPool(latents)
    channels = pool.draw(1, torch.Generator())[0].shape[1]
    critic = Critic(channels).to(device)
    run = TrainingRun(folder, {"critic": critic}, schedule=schedule, ema_decay=0.995)

    def step(lot: int) -> tuple[Tensor, int]:
        if run.step % 100 == 0:
            pool.look()
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        clean, classes, _, _ = pool.draw(batch_size, generator)
        strength = MOST_NOISE * torch.rand(batch_size, 1, 1, 1, generator=generator)
        noisy = clean + strength * torch.randn(clean.shape, generator=generator)
        with fast_products(device):
            logits = critic(noisy.to(device, memory_format=torch.channels_last))
        return cell_loss(logits.float(), classes.to(device)).mean(), batch_size

    run.train(step)
    critic.load_state_dict(run.averaged("critic"))
    critic.eval().requires_grad_(False)
    return critic
