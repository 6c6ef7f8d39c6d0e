"""Real PixArt pipelines at tiny size: random weights, seeded, built offline."""

import torch
from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
)

from helpers.tiny_joint import sharpened, t5_tokenizer, tiny_t5

SIZE = (32, 48)
"""Pictures of 8 x 12 positions."""


def tiny_pixart(kind=PixArtSigmaPipeline, *, scheduler=None, **changes):
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
    torch.manual_seed(1)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
    ).eval()
    words = t5_tokenizer()
    pipeline = kind(
        tokenizer=words,
        text_encoder=tiny_t5(words, 24),
        vae=vae,
        transformer=sharpened(transformer),
        scheduler=scheduler or DPMSolverMultistepScheduler(beta_schedule="linear"),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
