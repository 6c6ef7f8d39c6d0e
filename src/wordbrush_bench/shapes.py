"""Published architectures with random weights: what they cost is that of the trained ones, and nothing is fetched."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

SD14_UNET: Mapping[str, Any] = {
    "act_fn": "silu",
    "attention_head_dim": 8,
    "block_out_channels": (320, 640, 1280, 1280),
    "center_input_sample": False,
    "cross_attention_dim": 768,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
}
SD14_VAE: Mapping[str, Any] = {
    "act_fn": "silu",
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 512,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
SD14_TEXT: Mapping[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
SD14_SCHEDULER: Mapping[str, Any] = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.7.0.dev0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}
"""The configurations of Stable Diffusion v1-4 (Rombach et al. 2022, arXiv 2112.10752)."""


SDXL_UNET: Mapping[str, Any] = {
    "act_fn": "silu",
    "attention_head_dim": (5, 10, 20),
    "block_out_channels": (320, 640, 1280),
    "cross_attention_dim": 2048,
    "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
    "in_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 128,
    "transformer_layers_per_block": (1, 2, 10),
    "up_block_types": ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",),
    "use_linear_projection": True,
}
SDXL_VAE: Mapping[str, Any] = {**SD14_VAE, "sample_size": 1024, "scaling_factor": 0.13025}
SDXL_TEXT: Mapping[str, Any] = {
    **SD14_TEXT,
    "hidden_size": 2048,
    "intermediate_size": 2048,
    "num_hidden_layers": 2,
    "num_attention_heads": 32,
}
"""The configurations of Stable Diffusion XL (Podell et al. 2023, arXiv 2307.01952), as far as a picture's cost goes.

The U-Net has no conditions besides the prompt: they are added to the step's embedding and cost nothing. One small text
encoder is as wide as the two together.
"""

SHAPES = ("sd14", "sdxl")
"""Architectures that can be had with random weights."""


def random_parts(
    shape: str, dtype: torch.dtype, **narrow: Mapping[str, Any]
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """The U-Net, the autoencoder and the text encoder of an architecture, with seeded random weights.

    `narrow` replaces widths of the "unet", the "vae" or the "text_encoder".
    """
    unet, vae, text = (SD14_UNET, SD14_VAE, SD14_TEXT) if shape == "sd14" else (SDXL_UNET, SDXL_VAE, SDXL_TEXT)
    return (
        _random(UNet2DConditionModel, {**unet, **narrow.get("unet", {})}, 0, dtype),
        _random(AutoencoderKL, {**vae, **narrow.get("vae", {})}, 1, dtype),
        _random(CLIPTextModel, CLIPTextConfig(**{**text, **narrow.get("text_encoder", {})}), 2, dtype),
    )


def _random(kind: Any, config: Any, seed: int, dtype: torch.dtype) -> nn.Module:
    """A model whose weights are drawn in place: the classes' own initialisation takes a minute at this size."""
    with torch.device("meta"):
        model: nn.Module = kind(**config) if isinstance(config, Mapping) else kind(config)
    model = model.to(dtype).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, parameter[0].numel() ** -0.5, generator=generator)
        else:
            parameter.data.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
    for name, buffer in model.named_buffers():
        assert name.endswith("position_ids"), name
        buffer.copy_(torch.arange(buffer.shape[-1]).expand_as(buffer))
    return model.eval().requires_grad_(False)
