"""Real PixArt pipelines at tiny size: random weights, seeded, built offline."""

from typing import Any

import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
)

from wordbrush_bench.tiny.joint import sharpened, t5_tokenizer, tiny_t5, tiny_vae

SIZE = (32, 48)
"""Pictures of 8 x 12 positions."""


def tiny_pixart(kind: Any = PixArtSigmaPipeline, *, scheduler: Any = None, **changes: Any) -> Any:
    """Two blocks, and a variance beside the noise, as the large ones predict."""
    config = {
        "sample_size": 16,
        "num_layers": 2,
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "cross_attention_dim": 16,
        "caption_channels": 24,
        "norm_num_groups": 4,
    }
    torch.manual_seed(0)
    transformer = PixArtTransformer2DModel(**{**config, **changes})
    words = t5_tokenizer()
    pipeline = kind(
        tokenizer=words,
        text_encoder=tiny_t5(words, 24),
        vae=tiny_vae(),
        transformer=sharpened(transformer),
        scheduler=scheduler or DPMSolverMultistepScheduler(beta_schedule="linear"),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
