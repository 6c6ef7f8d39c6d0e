"""A real Stable Diffusion XL pipeline at tiny size: random weights, seeded, built offline."""

from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from wordbrush_bench.tiny.joint import sharpened, tiny_clip, tiny_vae
from wordbrush_bench.tiny.stable_diffusion import tiny_tokenizer

SIZE = (32, 48)
"""Latents of 16 x 24 cells."""


def tiny_xl(scheduler: Any = None, **changes: Any) -> StableDiffusionXLPipeline:
    """No attention in the first block, two transformer layers in the second, as in the large one."""
    clip, other = tiny_tokenizer(), tiny_tokenizer()
    other.pad_token = "!"  # as SDXL's second tokenizer pads
    config = {
        "sample_size": 16,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "block_out_channels": (16, 32),
        "layers_per_block": 2,
        "transformer_layers_per_block": (1, 2),
        "attention_head_dim": (2, 4),
        "cross_attention_dim": 20,
        "norm_num_groups": 8,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 12 + 6 * 8,
        "use_linear_projection": True,
    }
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**{**config, **changes})
    pipeline = StableDiffusionXLPipeline(
        vae=tiny_vae(),
        text_encoder=tiny_clip(CLIPTextModel, clip, 8, 1),
        text_encoder_2=tiny_clip(CLIPTextModelWithProjection, other, 12, 2),
        tokenizer=clip,
        tokenizer_2=other,
        unet=sharpened(unet),
        scheduler=scheduler
        or DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
