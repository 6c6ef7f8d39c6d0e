"""Train the transformer and its texts by flow matching, on the same encoded scenes as the U-Net."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from torch import Tensor, nn

from training.critic import Critic, cell_loss
from training.grounding import Truth, grounding_loss
from training.inherit import inherit_text
from training.joint_attention import keep_joint_maps
from training.latent_pool import LatentPool
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from training.teacher import Teacher
from training.timesteps import NUM_TIMESTEPS, BinnedErrors, draw_timesteps
from training.transformer import Texts, build_texts, build_transformer

SEED = 71
UNCONDITIONAL_SHARE = 0.1
GROUNDING_WEIGHT = 0.15
GROUNDED_STEPS = 750
"""Above this timestep there is too little to see for words to know where to look."""
TEACHER_SHARE = 0.75
"""Of what the teacher says in the direction to learn; the rest is the sample's own, which mends its errors."""
CRITIC_WEIGHT = 0.02
CRITIC_STEPS = 900
"""Above this timestep the critic is not asked: there, the best guess is a blur, and shall be one."""
LOOK_EVERY = 50
"""Steps between two looks for new encoded scenes."""


def train_transformer(
    folder: Path,
    latents: Path,
    schedule: Schedule,
    device: str,
    *,
    transformer: SD3Transformer2DModel | None = None,
    critic: Critic | None = None,
    start: Path | None = None,
    batch_size: int = 32,
    compiled: bool = False,
    on_save: Callable[[TrainingRun], None] | None = None,
) -> TrainingRun:
    """Train on the encoded scenes in `latents` by a schedule; the averages are in the run returned.

    The path from scene to noise is straight (Esser et al. 2024), and the transformer says its direction. Words are
    taught to look at what they name, and a `critic` must find in the predicted pictures what there should be.
    `start` is the folder of a model of Stable Diffusion's class on the same latents: its text encoder is where the
    CLIPs begin, its U-Net is the teacher. `transformer` stands in for the size built here; `on_save` is called with
    the run whenever its state was saved.
    """
    torch.manual_seed(SEED)
    transformer, texts = (transformer or build_transformer()).to(device), build_texts()
    if start is not None:
        inherit_text(texts.text_encoder.text_model, texts.tokenizer, start)
        inherit_text(texts.text_encoder_2.text_model, texts.tokenizer_2, start)
    modules: dict[str, nn.Module] = {"transformer": transformer, **texts.encoders}
    for module in modules.values():
        module.to(device).train()
    run = TrainingRun(folder, modules, schedule=schedule, ema_decay=0.99, matrices=_inner_matrices(transformer))
    pool = LatentPool(latents)
    loss_of = FlowLoss(
        transformer,
        texts,
        device,
        teacher=None if start is None else Teacher.load(start, device),
        critic=None if critic is None else critic.to(device),
        compiled=compiled,
    )

    def step(lot: int) -> tuple[Tensor, int]:
        if run.step % LOOK_EVERY == 0:
            pool.look()
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        clean, classes, captions, truth = pool.draw(batch_size, generator)
        captioned = torch.rand(batch_size, generator=generator) >= UNCONDITIONAL_SHARE
        prompts = [caption if kept else "" for caption, kept in zip(captions, captioned.tolist(), strict=True)]
        with fast_products(device):
            return loss_of(FlowBatch(clean, classes, prompts, captioned, truth), generator), batch_size

    run.train(step, report=loss_of.errors.report, on_save=None if on_save is None else lambda: on_save(run))
    return run


@dataclass(frozen=True, eq=False)
class FlowBatch:
    """Latents (B, C, h, w), what their cells show (B, h, w), their prompts, which of these are captions (B,), and what
    captions show.
    """

    latents: Tensor
    classes: Tensor
    prompts: list[str]
    captioned: Tensor
    truth: Truth


class FlowLoss:
    """How far a transformer is from the direction to noise, its words from what they name, and its pictures from
    showing what they should.
    """

    def __init__(
        self,
        transformer: SD3Transformer2DModel,
        texts: Texts,
        device: str,
        *,
        teacher: Teacher | None = None,
        critic: Critic | None = None,
        compiled: bool = False,
    ) -> None:
        """Let the transformer form its maps from now on."""
        self._texts = texts
        self._device = device
        self._teacher = teacher
        self._critic = critic
        self.errors = BinnedErrors()
        keeper = keep_joint_maps(transformer)

        def predict(noisy: Tensor, timesteps: Tensor, words: Tensor, pooled: Tensor) -> tuple[Tensor, list[Tensor]]:
            keeper.maps.clear()
            predicted = transformer(noisy, words, pooled, timesteps, return_dict=False)[0]
            return predicted, list(keeper.maps)

        self._predict = torch.compile(predict) if compiled else predict

    def __call__(self, batch: FlowBatch, generator: torch.Generator) -> Tensor:
        """The loss of one batch, with noise and timesteps of the generator."""
        timesteps = draw_timesteps(len(batch.latents), generator)
        noise = torch.randn(batch.latents.shape, generator=generator)
        shares = timesteps.float() / NUM_TIMESTEPS
        noisy = torch.lerp(batch.latents, noise, shares[:, None, None, None]).to(self._device)
        words, pooled = self._texts(batch.prompts, self._device)
        predicted, maps = self._predict(noisy, timesteps.to(self._device), words, pooled)
        direction = self._direction(batch, noise, noisy, shares)
        error = (predicted.float() - direction).square().mean(dim=(1, 2, 3))
        self.errors.add(timesteps, error)
        truth = Truth(on_both_texts(batch.truth.tokens).to(self._device), batch.truth.masks.to(self._device))
        seen = (batch.captioned & (timesteps < GROUNDED_STEPS)).float().to(self._device)
        loss: Tensor = error.mean() + GROUNDING_WEIGHT * grounding_loss(maps, truth, seen)
        if self._critic is None:
            return loss
        picture = noisy - shares.to(self._device)[:, None, None, None] * predicted.float()
        # The more noise, the less a prediction can be held to.
        asked = ((batch.captioned & (timesteps < CRITIC_STEPS)) * (1 - shares)).to(self._device)
        named = cell_loss(self._critic(picture).float(), batch.classes.to(self._device))
        return loss + CRITIC_WEIGHT * (named * asked).mean()

    def _direction(self, batch: FlowBatch, noise: Tensor, noisy: Tensor, shares: Tensor) -> Tensor:
        """Where the samples, and the teacher, say that noise is."""
        own = (noise - batch.latents).to(self._device)
        if self._teacher is None:
            return own
        theirs, known = self._teacher(noisy, shares, batch.prompts)
        return torch.lerp(own, theirs, (TEACHER_SHARE * known).float().to(self._device)[:, None, None, None])


def _inner_matrices(transformer: SD3Transformer2DModel) -> list[nn.Parameter]:
    """The weights between a transformer's own layers: not what tells them the time, whose outputs start at nothing."""
    blocks = transformer.transformer_blocks.named_parameters()
    return [p for name, p in blocks if p.ndim >= 2 and ".norm1" not in name]


def on_both_texts(tokens: Tensor) -> Tensor:
    """Places of phrases in CLIP's text (B, phrases, T), in CLIP's and T5's one after the other (B, phrases, 2 T).

    T5's text has no token for its beginning, so that its words stand one place earlier.
    """
    return torch.cat([tokens, tokens.roll(-1, dims=-1)], -1)
