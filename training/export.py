"""From training states to the diffusers folder that ships."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from diffusers import AutoencoderKL, StableDiffusion3Pipeline, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor

from training.networks import build_scheduler, build_text_encoder, build_unet
from training.tokenizer import build_tokenizer
from wordbrush.scenes.vocabulary import known_words


def assemble(
    vae: AutoencoderKL, averages: dict[str, dict[str, Tensor]], unet: UNet2DConditionModel | None = None
) -> StableDiffusionPipeline:
    """Build the pipeline from an autoencoder and a denoiser run's averaged states; `unet` gives another size."""
    tokenizer = build_tokenizer(known_words())
    unet, text_encoder = unet or build_unet(), build_text_encoder(tokenizer)
    unet.load_state_dict(averages["unet"])
    text_encoder.load_state_dict(averages["text_encoder"])
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def export(
    pipeline: StableDiffusionPipeline | StableDiffusion3Pipeline, folder: Path, settings: Mapping[str, object]
) -> None:
    """Write a pipeline as a diffusers folder, the two large networks in half precision.

    Text encoders, which are small, keep full precision: loaded without a dtype, diffusers' networks become float32
    but transformers' ones what was stored, and the two would not fit together.

    `settings` are the model's own defaults, which go into `wordbrush.json` beside the words it knows. The folder
    appears complete or not at all; a model card that stands in the old one is kept.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (pipeline.unet if isinstance(pipeline, StableDiffusionPipeline) else pipeline.transformer).half()
    pipeline.vae.half()
    pipeline.save_pretrained(partial, safe_serialization=True)
    for path in partial.glob("*/config.json"):
        _forget_origin(path)
    own = {**settings, "vocabulary": sorted(known_words())}
    (partial / "wordbrush.json").write_text(json.dumps(own, indent=1) + "\n")
    card = folder / "README.md"
    if card.exists():
        shutil.copy(card, partial / "README.md")
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def _forget_origin(path: Path) -> None:
    """Take out of a configuration the folder that its weights were read from: it names a place on one machine."""
    config = json.loads(path.read_text())
    if config.pop("_name_or_path", None) is not None:
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
