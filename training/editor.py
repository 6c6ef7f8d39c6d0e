"""Train an editor that follows instructions on pairs (InstructPix2Pix, Brooks et al. 2023, arXiv:2211.09800)."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from training.networks import build_scheduler
from training.noising import min_snr, noised
from training.precision import fast_products
from training.run import TrainingRun
from training.schedule import Schedule
from training.timesteps import BinnedErrors, draw_timesteps
from wordbrush.errors import DataError
from wordbrush.models.autoencoder import scaled
from wordbrush.pairs.sample import Sample, read_tar, samples_of
from wordbrush.scenes.pixels import as_input

SEED = 71
LEFT_OUT = 0.05
"""How often the picture alone, the instruction alone, and both are left out (section 3.2.1): for guidance by each."""
_AT_ONCE = 32
"""Pictures that are encoded at once."""


@dataclass(frozen=True, eq=False)
class PairLatents:
    """Pairs as the U-Net sees them: latents (N, C, h, w) before and after, and the tokens (N, T) of instructions."""

    before: Tensor
    after: Tensor
    ids: Tensor

    @classmethod
    def read(cls, pairs: Path, vae: AutoencoderKL, tokenizer: CLIPTokenizer) -> "PairLatents":
        """Encode the pairs of a set, of all shards that are there. Raises `DataError` where there are none."""
        samples = list(read_pairs(pairs))
        if not samples:
            raise DataError(f"'{pairs}' has no pairs; make some with wordbrush pairs")
        shown = {content: place for place, content in enumerate(dict.fromkeys(sample.before for sample in samples))}
        before = _encoded(vae, list(shown))[[shown[sample.before] for sample in samples]]
        instructions = [str(sample.about["instruction"]) for sample in samples]
        ids: Tensor = tokenizer(instructions, padding="max_length", return_tensors="pt").input_ids
        # Those before are as diffusers' pipeline gives them to the U-Net.
        return cls(before, scaled(vae, _encoded(vae, [sample.after for sample in samples])), ids)


def read_pairs(pairs: Path) -> Iterator[Sample]:
    """The pairs of a set in tars, those of all shards that are there."""
    for shard in sorted((pairs / "data").glob("*.tar")):
        yield from samples_of(read_tar(shard.read_bytes()))


def widened(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """The same U-Net with as many channels more, for the latents of the picture to edit: their weights are zero, so
    that it begins as what it was (section 3.2).
    """
    config = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    wide = UNet2DConditionModel(**{**config, "in_channels": 2 * config["in_channels"]})
    state = unet.state_dict()
    own = state["conv_in.weight"]
    wide.load_state_dict({**state, "conv_in.weight": torch.cat([own, torch.zeros_like(own)], dim=1)})
    return wide


def train_editor(
    folder: Path,
    pairs: Path,
    start: StableDiffusionPipeline,
    schedule: Schedule,
    device: str,
    *,
    batch_size: int = 16,
) -> StableDiffusionInstructPix2PixPipeline:
    """Train on a set of pairs by a schedule, from a text-to-image model; the averages are in the pipeline returned.

    Epsilon prediction on the noised latents after the edit, beside those before it; the loss is weighted by min-SNR.
    """
    torch.manual_seed(SEED)
    latents = PairLatents.read(pairs, start.vae, start.tokenizer)
    unet, text = widened(start.unet).to(device), start.text_encoder.float().train().to(device)
    run = TrainingRun(folder, {"unet": unet, "text_encoder": text}, schedule=schedule, ema_decay=0.99)
    loss_of = EditingLoss(unet, text, start.tokenizer, device)

    def step(lot: int) -> tuple[Tensor, int]:
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + lot)
        chosen = torch.randint(len(latents.after), (batch_size,), generator=generator)
        with fast_products(device):
            return loss_of(PairLatents(*(each[chosen] for each in vars(latents).values())), generator), batch_size

    run.train(step, report=loss_of.errors.report)
    unet.load_state_dict(run.averaged("unet"))
    text.load_state_dict(run.averaged("text_encoder"))
    return pipeline_of(start, unet, text)


def pipeline_of(
    start: StableDiffusionPipeline, unet: UNet2DConditionModel, text: CLIPTextModel
) -> StableDiffusionInstructPix2PixPipeline:
    """The editor as diffusers has it: a widened U-Net and a text encoder with the other parts of a pipeline."""
    return StableDiffusionInstructPix2PixPipeline(
        vae=start.vae,
        text_encoder=text.eval(),
        tokenizer=start.tokenizer,
        unet=unet.eval(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


class EditingLoss:
    """How far a U-Net is from the noise put on the latents after an edit, given those before and the instruction."""

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel, tokenizer: CLIPTokenizer, device: str) -> None:
        """Of these networks."""
        self._unet, self._text, self._device = unet, text, device
        self._empty = tokenizer([""], padding="max_length", return_tensors="pt").input_ids
        self._signal = build_scheduler().alphas_cumprod
        self.errors = BinnedErrors()

    def __call__(self, batch: PairLatents, generator: torch.Generator) -> Tensor:
        """The loss of a batch, with noise, timesteps and what is left out of the generator."""
        count = len(batch.after)
        timesteps = draw_timesteps(count, generator)
        alpha = self._signal[timesteps][:, None, None, None]
        noise = torch.randn(batch.after.shape, generator=generator)
        noisy = noised(batch.after, noise, alpha)
        lot = torch.rand(count, generator=generator)
        without_words, without_picture = lot < 2 * LEFT_OUT, (lot >= LEFT_OUT) & (lot < 3 * LEFT_OUT)
        ids = torch.where(without_words[:, None], self._empty, batch.ids)
        before = batch.before * ~without_picture[:, None, None, None]
        words = self._text(ids.to(self._device))[0]
        seen = torch.cat([noisy, before], dim=1).to(self._device)
        predicted = self._unet(seen, timesteps.to(self._device), encoder_hidden_states=words, return_dict=False)[0]
        error = (predicted.float() - noise.to(self._device)).square().mean(dim=(1, 2, 3))
        self.errors.add(timesteps, error)
        loss: Tensor = (error * min_snr(alpha).to(self._device)).mean()
        return loss


@torch.no_grad()
def _encoded(vae: AutoencoderKL, pictures: Sequence[bytes]) -> Tensor:
    """The latents (N, C, h, w) of PNGs of one size."""
    found = []
    for at in range(0, len(pictures), _AT_ONCE):
        pixels = torch.from_numpy(np.stack([_pixels(content) for content in pictures[at : at + _AT_ONCE]]))
        with fast_products(vae.device.type):
            found.append(vae.encode(as_input(pixels).to(vae.device)).latent_dist.mode().float().cpu())
    return torch.cat(found)


def _pixels(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("RGB"))
