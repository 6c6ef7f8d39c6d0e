"""Train the transformer and its texts by flow matching, on the same encoded scenes as the U-Net."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from torch import Tensor, nn

from training.grounding import Truth, grounding_loss
from training.joint_attention import keep_joint_maps
from training.latent_pool import LatentPool
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from training.timesteps import NUM_TIMESTEPS, BinnedErrors, draw_timesteps
from training.transformer import Texts, build_texts, build_transformer

SEED = 71
UNCONDITIONAL_SHARE = 0.1
GROUNDING_WEIGHT = 0.15
GROUNDED_STEPS = 750
"""Above this timestep there is too little to see for words to know where to look."""
LOOK_EVERY = 50
"""Steps between two looks for new encoded scenes."""


def train_transformer(
    folder: Path,
    latents: Path,
    schedule: Schedule,
    device: str,
    *,
    transformer: SD3Transformer2DModel | None = None,
    batch_size: int = 32,
    on_save: Callable[[TrainingRun], None] | None = None,
) -> TrainingRun:
    """Train on the encoded scenes in `latents` by a schedule; the averages are in the run returned.

    The path from scene to noise is straight (Esser et al. 2024), and the transformer says its direction. `transformer`
    stands in for the size built here; `on_save` is called with the run whenever its state was saved.
    """
    torch.manual_seed(SEED)
    transformer, texts = (transformer or build_transformer()).to(device), build_texts()
    modules: dict[str, nn.Module] = {"transformer": transformer, **texts.encoders}
    for module in modules.values():
        module.to(device).train()
    matrices = [p for p in transformer.transformer_blocks.parameters() if p.ndim >= 2]
    run = TrainingRun(folder, modules, schedule=schedule, ema_decay=0.99, matrices=matrices)
    pool = LatentPool(latents)
    loss_of = FlowLoss(transformer, texts, device)

    def step(lot: int) -> tuple[Tensor, int]:
        if run.step % LOOK_EVERY == 0:
            pool.look()
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        clean, _, captions, truth = pool.draw(batch_size, generator)
        captioned = torch.rand(batch_size, generator=generator) >= UNCONDITIONAL_SHARE
        prompts = [caption if kept else "" for caption, kept in zip(captions, captioned.tolist(), strict=True)]
        with fast_products(device):
            return loss_of(FlowBatch(clean, prompts, captioned, truth), generator), batch_size

    run.train(step, report=loss_of.errors.report, on_save=None if on_save is None else lambda: on_save(run))
    return run


@dataclass(frozen=True, eq=False)
class FlowBatch:
    """Latents (B, C, h, w), their prompts, which of them are captions (B,), and what captions show."""

    latents: Tensor
    prompts: list[str]
    captioned: Tensor
    truth: Truth


class FlowLoss:
    """How far a transformer is from the direction to noise, and its words from what they name."""

    def __init__(self, transformer: SD3Transformer2DModel, texts: Texts, device: str) -> None:
        """Let the transformer form its maps from now on."""
        self._transformer = transformer
        self._texts = texts
        self._device = device
        self._keeper = keep_joint_maps(transformer)
        self.errors = BinnedErrors()

    def __call__(self, batch: FlowBatch, generator: torch.Generator) -> Tensor:
        """The loss of one batch, with noise and timesteps of the generator."""
        timesteps = draw_timesteps(len(batch.latents), generator)
        noise = torch.randn(batch.latents.shape, generator=generator)
        share = (timesteps.float() / NUM_TIMESTEPS)[:, None, None, None]
        noisy = torch.lerp(batch.latents, noise, share).to(self._device)
        words, pooled = self._texts(batch.prompts, self._device)
        self._keeper.maps.clear()
        predicted = self._transformer(noisy, words, pooled, timesteps.to(self._device), return_dict=False)[0]
        error = (predicted.float() - (noise - batch.latents).to(self._device)).square().mean(dim=(1, 2, 3))
        self.errors.add(timesteps, error)
        truth = Truth(on_both_texts(batch.truth.tokens).to(self._device), batch.truth.masks.to(self._device))
        seen = (batch.captioned & (timesteps < GROUNDED_STEPS)).float().to(self._device)
        loss: Tensor = error.mean() + GROUNDING_WEIGHT * grounding_loss(self._keeper.maps, truth, seen)
        return loss


def on_both_texts(tokens: Tensor) -> Tensor:
    """Places of phrases in CLIP's text (B, phrases, T), in CLIP's and T5's one after the other (B, phrases, 2 T).

    T5's text has no token for its beginning, so that its words stand one place earlier.
    """
    return torch.cat([tokens, tokens.roll(-1, dims=-1)], -1)
