"""Real diffusers and transformers classes at tiny size: random weights, seeded, built offline in a second."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from wordbrush_bench.tiny.clip_tokenizer import tokenizer_of

WORDS = frozenset(
    "a an the dog cat apple orange eating riding on in of mat photo big red autumn smiling bear teddy house castle "
    "oil painting street side car ferrari".split()
)
"""Words of one token each; all others take one token a letter."""


def tiny_tokenizer(length: int = 77) -> CLIPTokenizer:
    """CLIP's tokenizer for `WORDS`."""
    return tokenizer_of(WORDS, length)


def tiny_unet(seed: int = 0, **changes: Any) -> UNet2DConditionModel:
    """Three blocks, of which two look at text; `changes` are of its configuration, here and in the other files."""
    torch.manual_seed(seed)
    config = {
        "sample_size": 16,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "block_out_channels": (16, 32, 32),
        "layers_per_block": 1,
        "cross_attention_dim": 32,
        "attention_head_dim": 2,
        "norm_num_groups": 8,
    }
    unet = UNet2DConditionModel(**{**config, **changes})
    with torch.no_grad():
        # At random start attention is almost flat; sharper maps make an edit visible far above rounding.
        for name, parameter in unet.named_parameters():
            if "to_q" in name or "to_k" in name:
                parameter *= 4
    return unet


def tiny_pipeline(seed: int = 0, length: int = 77, **unet: Any) -> StableDiffusionPipeline:
    """Stable Diffusion 1's kind, or 2's with `prediction_type="v_prediction"`."""
    tokenizer = tiny_tokenizer(length)
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=32,
    )
    torch.manual_seed(seed)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=unet.pop("prediction_type", "epsilon"),
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=tiny_unet(seed, **unet),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_sd_folder(folder: Path, **changes: Any) -> Path:
    """The pipeline as a folder."""
    tiny_pipeline(**changes).save_pretrained(folder, safe_serialization=True)
    return folder
