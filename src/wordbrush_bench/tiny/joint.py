"""Real pipelines of joint attention at tiny size: random weights, seeded, built offline."""

from collections.abc import Iterable
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

from wordbrush_bench.tiny.clip_tokenizer import tokenizer_of
from wordbrush_bench.tiny.stable_diffusion import WORDS, tiny_tokenizer

SIZE = (32, 48)
"""Pictures of 8 x 12 positions."""

VAE_FACTOR = 2


def t5_tokenizer(words: Iterable[str] = WORDS - {"smiling", "castle"}) -> T5TokenizerFast:
    """SentencePiece's unigrams: known words are one token, others fall into letters, as CLIP's do not."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -4.0)]
    pieces += [(f"\u2581{word}", -2.0) for word in sorted(words)]
    pieces += [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyz,.'"]
    return T5TokenizerFast(vocab=pieces, extra_ids=0)


def tiny_t5(tokenizer: T5TokenizerFast, width: int) -> T5EncoderModel:
    """T5 of one layer."""
    torch.manual_seed(3)
    return T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    ).eval()


def tiny_clip(kind: Any, tokenizer: CLIPTokenizer, width: int, seed: int) -> Any:
    """CLIP's text encoder of a class, with or without a projection."""
    torch.manual_seed(seed)
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            projection_dim=width,
            max_position_embeddings=77,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).eval()


HALVING: dict[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "block_out_channels": (8, 8),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": 32,
}
"""An autoencoder whose latents have half the size."""


def tiny_vae(seed: int = 1, **changes: Any) -> AutoencoderKL:
    """Latents of half the size."""
    torch.manual_seed(seed)
    return AutoencoderKL(**{**HALVING, **changes}).eval()


def tiny_shifted_vae() -> AutoencoderKL:
    """Latents that are shifted and scaled."""
    return tiny_vae(4, scaling_factor=1.5, shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False)


def sharpened(model: Any, factor: float = 6.0) -> Any:
    """At random start attention is almost flat; sharper maps make an edit visible far above rounding."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in ("to_q.", "to_k.", "add_q_proj.", "add_k_proj.")):
                parameter *= factor
            elif "norm_q" in name or "norm_k" in name or "norm_added" in name:
                parameter *= 2
    return model.eval()


def tiny_sd3(*, t5: bool = True, shift: float = 3.0, **changes: Any) -> StableDiffusion3Pipeline:
    """Stable Diffusion 3.5 medium's kind: QK norm, a second attention in the first of three blocks."""
    clip, other = tiny_tokenizer(), tokenizer_of(WORDS, 77)
    t5_words = t5_tokenizer()
    config = {
        "sample_size": 16,
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 3,
        "attention_head_dim": 8,
        "num_attention_heads": 2,
        "joint_attention_dim": 24,
        "caption_projection_dim": 16,
        "pooled_projection_dim": 20,
        "pos_embed_max_size": 16,
        "dual_attention_layers": (0,),
        "qk_norm": "rms_norm",
    }
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(**{**config, **changes})
    pipeline = StableDiffusion3Pipeline(
        transformer=sharpened(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
        vae=tiny_shifted_vae(),
        text_encoder=tiny_clip(CLIPTextModelWithProjection, clip, 8, 1),
        tokenizer=clip,
        text_encoder_2=tiny_clip(CLIPTextModelWithProjection, other, 12, 2),
        tokenizer_2=other,
        text_encoder_3=tiny_t5(t5_words, 24) if t5 else None,
        tokenizer_3=t5_words if t5 else None,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_flux(*, guided: bool = True, **changes: Any) -> FluxPipeline:
    """FLUX.1 dev's kind, or schnell's without the guidance: two double and two single blocks."""
    clip, t5_words = tiny_tokenizer(), t5_tokenizer()
    config = {
        "patch_size": 1,
        "in_channels": 16,
        "num_layers": 2,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 24,
        "pooled_projection_dim": 8,
        "axes_dims_rope": (4, 4, 8),
        "guidance_embeds": guided,
    }
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(**{**config, **changes})
    dev = {"shift": 3.0, "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
    pipeline = FluxPipeline(
        transformer=sharpened(transformer, 2.0),
        scheduler=FlowMatchEulerDiscreteScheduler(**(dev if guided else {"shift": 1.0})),
        vae=tiny_shifted_vae(),
        text_encoder=tiny_clip(CLIPTextModel, clip, 8, 1),
        tokenizer=clip,
        text_encoder_2=tiny_t5(t5_words, 24),
        tokenizer_2=t5_words,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
