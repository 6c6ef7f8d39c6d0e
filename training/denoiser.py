"""Train the U-Net and the text encoder together on the autoencoder's latents."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.attention import keep_maps
from training.critic import Critic, cell_loss
from training.grounding import Truth, grounding_loss
from training.inherit import inherit
from training.latent_pool import LatentPool
from training.networks import build_scheduler, build_text_encoder, build_unet
from training.noising import guessed, min_snr, noised, toward_layout
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from training.timesteps import BinnedErrors, draw_timesteps
from training.tokenizer import build_tokenizer
from training.upsampling import double_by_repeating
from wordbrush.scenes.vocabulary import known_words

SEED = 23
UNCONDITIONAL_SHARE = 0.1
GROUNDING_WEIGHT = 0.15
GROUNDED_STEPS = 850
"""Above this timestep there is too little to see for words to know where to look."""
CRITIC_WEIGHT = 0.02
CRITIC_STEPS = 800
"""Above this timestep the critic is not asked: there, the best guess is a blur, and shall be one."""
LOOK_EVERY = 50
"""Steps between two looks for new encoded scenes."""


def train_denoiser(
    folder: Path,
    latents: Path,
    schedule: Schedule,
    device: str,
    *,
    unet: UNet2DConditionModel | None = None,
    critic: Critic | None = None,
    start: Path | None = None,
    batch_size: int = 32,
    compiled: bool = False,
    on_save: Callable[[TrainingRun], None] | None = None,
) -> TrainingRun:
    """Train on the encoded scenes in `latents` by a schedule; the averages are in the run returned.

    Epsilon prediction on Stable Diffusion's schedule; the loss is weighted by min-SNR (Hang et al. 2023) and towards
    high noise, words are taught to look at what they name, and a `critic` must find in the predicted pictures what
    there should be. `unet` stands in for the bundled size; `start` is the folder of an earlier model to begin from;
    `on_save` is called with the run whenever its state was saved.
    """
    torch.manual_seed(SEED)
    tokenizer = build_tokenizer(known_words())
    unet, text = unet or build_unet(), build_text_encoder(tokenizer)
    if start is not None:
        inherit(unet, text, tokenizer, start)
    unet, text = unet.to(device), text.to(device)
    run = TrainingRun(
        folder,
        {"unet": unet, "text_encoder": text},
        schedule=schedule,
        ema_decay=0.99,
        matrices=_inner_matrices(unet),
    )
    pool = LatentPool(latents)
    loss_of = DenoisingLoss(unet, text, critic if critic is None else critic.to(device), device, compiled=compiled)

    def step(lot: int) -> tuple[Tensor, int]:
        if run.step % LOOK_EVERY == 0:
            pool.look()
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        clean, classes, captions, truth = pool.draw(batch_size, generator)
        captioned = torch.rand(batch_size, generator=generator) >= UNCONDITIONAL_SHARE
        batch = Batch(clean, classes, _tokens(tokenizer, captions, captioned), captioned, truth)
        with fast_products(device):
            return loss_of(batch, generator), batch_size

    run.train(
        step,
        report=loss_of.errors.report,
        on_save=None if on_save is None else lambda: on_save(run),
    )
    return run


@dataclass(frozen=True, eq=False)
class Batch:
    """Latents (B, C, h, w), what their cells show (B, h, w), their tokens (B, T), which rows kept their caption (B,),
    and what captions show.
    """

    latents: Tensor
    classes: Tensor
    ids: Tensor
    captioned: Tensor
    truth: Truth


class DenoisingLoss:
    """How far a U-Net is from the noise put on latents, its words from what they name, and its pictures from showing
    what they should.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        text: CLIPTextModel,
        critic: Critic | None,
        device: str,
        *,
        compiled: bool = False,
    ) -> None:
        """Let the U-Net form its maps, and double by repeating, from now on."""
        self._text = text
        self._critic = critic
        self._device = device
        self._signal = build_scheduler().alphas_cumprod
        self.errors = BinnedErrors()
        keeper = keep_maps(unet)
        double_by_repeating(unet)

        def predict(noisy: Tensor, timesteps: Tensor, words: Tensor) -> tuple[Tensor, list[Tensor]]:
            keeper.maps.clear()
            predicted = unet(noisy, timesteps, encoder_hidden_states=words, return_dict=False)[0]
            return predicted, list(keeper.maps)

        self._predict = torch.compile(predict) if compiled else predict

    def __call__(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of one batch, with noise and timesteps of the generator."""
        noise, timesteps, alpha = self._noise(batch.latents, generator)
        noisy = noised(batch.latents, noise, alpha)
        words = self._text(batch.ids.to(self._device))[0]
        predicted, maps = self._predict(noisy.to(self._device), timesteps.to(self._device), words)
        error = (predicted.float() - noise.to(self._device)).square().mean(dim=(1, 2, 3))
        self.errors.add(timesteps, error)
        weight = min_snr(alpha) * toward_layout(alpha)
        loss: Tensor = (error * weight.to(self._device)).mean()
        truth = Truth(batch.truth.tokens.to(self._device), batch.truth.masks.to(self._device))
        seen = (batch.captioned & (timesteps < GROUNDED_STEPS)).float().to(self._device)
        loss = loss + GROUNDING_WEIGHT * grounding_loss(maps, truth, seen)
        if self._critic is None:
            return loss
        alpha, noisy = alpha.to(self._device), noisy.to(self._device)
        picture = guessed(noisy, predicted.float(), alpha)
        # The more noise, the less a prediction can be held to.
        asked = (batch.captioned & (timesteps < CRITIC_STEPS)).to(self._device) * alpha.sqrt().flatten()
        named = cell_loss(self._critic(picture).float(), batch.classes.to(self._device))
        return loss + CRITIC_WEIGHT * (named * asked).mean()

    def _noise(self, latents: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Noise (B, C, h, w), timesteps (B,), and the share of signal at them (B, 1, 1, 1)."""
        timesteps = draw_timesteps(len(latents), generator)
        return torch.randn(latents.shape, generator=generator), timesteps, self._signal[timesteps][:, None, None, None]


def _inner_matrices(unet: UNet2DConditionModel) -> list[nn.Parameter]:
    """The weights between a U-Net's own layers: not those at its ends, whose sides are channels of latents."""
    return [p for name, p in unet.named_parameters() if p.ndim >= 2 and not name.startswith(("conv_in", "conv_out"))]


def _tokens(tokenizer: CLIPTokenizer, captions: list[str], captioned: Tensor) -> Tensor:
    prompts = [caption if kept else "" for caption, kept in zip(captions, captioned.tolist(), strict=True)]
    ids: Tensor = tokenizer(prompts, padding="max_length", return_tensors="pt").input_ids
    return ids
