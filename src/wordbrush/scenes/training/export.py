"""From training states to the diffusers folder that ships."""

import json
import os
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from wordbrush.scenes.training.networks import build_scheduler, build_text_encoder, build_unet
from wordbrush.scenes.training.tokenizer import build_tokenizer
from wordbrush.scenes.vocabulary import known_words


def export(state: Path, vae: AutoencoderKL, folder: Path, settings: dict[str, float]) -> None:
    """Write a `StableDiffusionPipeline` folder in half precision from the averaged weights in a run's `state.pt`.

    `settings` are the model's own defaults, which go into `wordbrush.json` beside the words it knows. The folder
    appears complete or not at all; a model card that stands in the old one is kept.
    """
    averages = torch.load(state, weights_only=True)["averages"]
    tokenizer = build_tokenizer(known_words())
    unet, text_encoder = build_unet(), build_text_encoder(tokenizer)
    unet.load_state_dict(averages["unet"])
    text_encoder.load_state_dict(averages["text_encoder"])
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pipeline.to(dtype=torch.float16).save_pretrained(partial, safe_serialization=True)
    own = {**settings, "vocabulary": sorted(known_words())}
    (partial / "wordbrush.json").write_text(json.dumps(own, indent=1) + "\n")
    card = folder / "README.md"
    if card.exists():
        shutil.copy(card, partial / "README.md")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
