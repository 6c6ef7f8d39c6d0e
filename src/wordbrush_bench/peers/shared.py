"""One model, as a diffusers pipeline for other programs' code and as ours, on the same weights."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import DDIMScheduler
from PIL.Image import Image
from transformers import CLIPTokenizer

from wordbrush.models.folder import bundled_folder, check_folder, resolve_folder
from wordbrush.models.load import choose_device
from wordbrush.models.own_settings import Defaults, read_own_settings
from wordbrush.models.processor import weight_bytes
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.quiet import quietly
from wordbrush.runs.run import run_source
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.case import Case, Material
from wordbrush_bench.shapes import SD14_SCHEDULER, random_parts

_Made = TypeVar("_Made")


@dataclass(frozen=True, eq=False)
class SharedModel:
    """A `StableDiffusionPipeline` with DDIM, its parts as our adapter, and the model's own settings.

    `pixels` is the side of its native picture.
    """

    pipeline: Any
    adapter: StableDiffusion
    defaults: Defaults
    pixels: int

    @classmethod
    def load(cls, model: str | Path | None, device: str | None, dtype: str | None) -> "SharedModel":
        """Load as an editor does; None is the bundled model. Raises `ModelError` and `SettingsError`."""
        folder = resolve_folder(model)
        check_folder(folder)
        device, dtype = choose_device(device, dtype, weight_bytes(folder))
        with quietly():
            from diffusers import StableDiffusionPipeline

            pipeline = StableDiffusionPipeline.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                safety_checker=None,
                feature_extractor=None,
                local_files_only=True,
                use_safetensors=True,
            )
        return cls._of(pipeline.to(device), read_own_settings(folder)[0])

    def picture(self, case: Case, material: Material) -> Image:
        """What a method that edits pictures starts from: a case's photo, or what the model draws of its prompt."""
        if material.photo is not None:
            return material.photo.convert("RGB").resize((self.pixels, self.pixels))
        own = self.defaults
        settings = GenerationSettings(
            case.source_prompt, "", case.seed, own.num_inference_steps, own.guidance_scale, self.pixels, self.pixels
        )
        return self.adapter.decode(run_source(self.adapter, settings, None).latents[-1])

    @classmethod
    def random(cls, shape: str, device: str, dtype: str) -> "SharedModel":
        """An architecture with random weights and Stable Diffusion's scheduler; its words are the bundled model's."""
        unet, vae, text_encoder = random_parts(shape, getattr(torch, dtype))
        with quietly():
            from diffusers import StableDiffusionPipeline
        pipeline = StableDiffusionPipeline(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=CLIPTokenizer.from_pretrained(bundled_folder() / "tokenizer", model_max_length=77),
            unet=unet,
            scheduler=DDIMScheduler.from_config(dict(SD14_SCHEDULER)),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        return cls._of(pipeline.to(device), Defaults())

    @classmethod
    def _of(cls, pipeline: Any, defaults: Defaults) -> "SharedModel":
        pipeline.set_progress_bar_config(disable=True)
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
        for module in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            module.eval().requires_grad_(False)
        adapter = StableDiffusion(
            pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae, pipeline.scheduler.config
        )
        return cls(pipeline, adapter, defaults, int(pipeline.unet.config["sample_size"]) * adapter.vae_factor)


def timed(run: Callable[[], _Made]) -> tuple[_Made, float]:
    """What a run gives, and its seconds by the clock."""
    start = time.perf_counter()
    made = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return made, time.perf_counter() - start


@contextmanager
def processors_restored(unet: Any) -> Iterator[None]:
    """A scope after which a U-Net has the attention processors that it had before."""
    before = unet.attn_processors
    try:
        yield
    finally:
        unet.set_attn_processor(before)
