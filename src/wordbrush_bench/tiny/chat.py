"""Real pipelines whose text encoder is a language model, at tiny size: random weights, seeded, built offline."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from diffusers.pipelines.flux2.system_messages import SYSTEM_MESSAGE
from transformers import (
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    MistralConfig,
    PixtralVisionConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
)

from wordbrush_bench.tiny.chat_tokenizer import chat_tokenizer
from wordbrush_bench.tiny.joint import HALVING, sharpened, tiny_shifted_vae
from wordbrush_bench.tiny.stable_diffusion import WORDS

TEMPLATE = (
    "system Describe the image by detailing color shape size texture quantity text spatial relationships of objects "
    "and background user assistant"
)
KNOWN = (WORDS - {"smiling", "castle"}) | set(TEMPLATE.split())
NO_MARKS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
LANGUAGE = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
SHIFTED = {"shift": 3.0, "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 0.9}


def tiny_qwen_image(**changes: Any) -> QwenImagePipeline:
    """Two blocks; an autoencoder that halves the picture, with a mean and a deviation for each channel."""
    tokenizer = chat_tokenizer(KNOWN)
    torch.manual_seed(0)
    config = {
        "in_channels": 16,
        "out_channels": 4,
        "num_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 16,
        "axes_dims_rope": (8, 4, 4),
    }
    transformer = QwenImageTransformer2DModel(**{**config, **changes})
    torch.manual_seed(1)
    vae = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 1],
        num_res_blocks=1,
        temperal_downsample=[False],
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[1.5, 0.8, 1.1, 0.9],
    )
    torch.manual_seed(2)
    small = {"hidden_size": 16, "intermediate_size": 16}
    encoder = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                **small,
                "vocab_size": len(tokenizer),
                **NO_MARKS,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
            },
            vision_config={**small, "depth": 1, "num_heads": 2, "out_hidden_size": 16},
        )
    )
    pipeline = QwenImagePipeline(
        transformer=sharpened(transformer, 2.0),
        scheduler=FlowMatchEulerDiscreteScheduler(**SHIFTED),
        vae=vae.eval(),
        text_encoder=encoder.eval(),
        tokenizer=tokenizer,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def qwen3_config(vocabulary: int, layers: int) -> Qwen3Config:
    """A narrow Qwen3."""
    return Qwen3Config(
        vocab_size=vocabulary,
        num_hidden_layers=layers,
        **LANGUAGE,
        **NO_MARKS,
    )


def tiny_z_image(**changes: Any) -> ZImagePipeline:
    """Two blocks behind a refiner of the picture and one of the caption."""
    tokenizer = chat_tokenizer(KNOWN)
    config = {
        "in_channels": 4,
        "dim": 32,
        "n_layers": 2,
        "n_refiner_layers": 1,
        "n_heads": 2,
        "n_kv_heads": 2,
        "cap_feat_dim": 16,
        "axes_dims": [8, 4, 4],
        "axes_lens": [256, 32, 32],
    }
    torch.manual_seed(0)
    transformer = ZImageTransformer2DModel(**{**config, **changes})
    with torch.no_grad():
        for padding in (transformer.x_pad_token, transformer.cap_pad_token):
            padding.normal_()
    torch.manual_seed(1)
    encoder = Qwen3Model(qwen3_config(len(tokenizer), 2)).eval()
    pipeline = ZImagePipeline(
        transformer=sharpened(transformer, 2.0),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=tiny_shifted_vae(),
        text_encoder=encoder,
        tokenizer=tokenizer,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


FLUX_2_LENGTH = 96
"""Tokens, and not 512, so that tests are quick."""

MISTRAL_MARKS = ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]")
MISTRAL = (
    "[SYSTEM_PROMPT]{{ messages[0].content[0].text }}[/SYSTEM_PROMPT][INST]{{ messages[1].content[0].text }}[/INST]"
)


def mistral_tokenizer() -> Qwen2Tokenizer:
    """The part of the processor that reads text, padded on the left as language models are; the whole one, which
    nothing asks for a picture, needs another package.
    """
    words = KNOWN | set(SYSTEM_MESSAGE.replace(".", " ").split())
    tokenizer = chat_tokenizer(words, MISTRAL, MISTRAL_MARKS)
    tokenizer.padding_side = "left"
    return tokenizer


def tiny_mistral(vocabulary: int) -> Mistral3ForConditionalGeneration:
    """As many layers as FLUX.2 dev reads the states of."""
    text = MistralConfig(**LANGUAGE, vocab_size=vocabulary, num_hidden_layers=30, **NO_MARKS)
    picture = PixtralVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    torch.manual_seed(1)
    return Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=picture)).eval()


def _flux_2_parts(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A double and two single blocks; an autoencoder with statistics of its patches."""
    config = {
        "in_channels": 16,
        "num_layers": 1,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 48,
        "axes_dims_rope": (4, 4, 4, 4),
    }
    torch.manual_seed(0)
    transformer = Flux2Transformer2DModel(**{**config, **changes})
    with torch.no_grad():  # most tokens are padding, and a word is to be seen beside them
        for name, parameter in transformer.named_parameters():
            if "modulation" in name:
                parameter *= 5
    torch.manual_seed(4)
    vae = AutoencoderKLFlux2(**HALVING)
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 2)
    return {
        "transformer": sharpened(transformer, 2.0),
        "vae": vae.eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(**SHIFTED),
    }


def tiny_flux_2(**changes: Any) -> Flux2Pipeline:
    """FLUX.2 dev's kind: Mistral's tokens, told the guidance scale."""
    tokenizer = mistral_tokenizer()
    encoder = tiny_mistral(len(tokenizer))
    pipeline = Flux2Pipeline(**_flux_2_parts(changes), text_encoder=encoder, tokenizer=tokenizer)
    pipeline.tokenizer_max_length = FLUX_2_LENGTH
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_klein(*, is_distilled: bool = False, **changes: Any) -> Flux2KleinPipeline:
    """FLUX.2 klein's kind: Qwen3's tokens, negative rows by themselves or no guidance."""
    tokenizer = chat_tokenizer(KNOWN)
    torch.manual_seed(1)
    encoder = Qwen3ForCausalLM(qwen3_config(len(tokenizer), 27)).eval()
    parts = _flux_2_parts({"guidance_embeds": False, **changes})
    pipeline = Flux2KleinPipeline(**parts, text_encoder=encoder, tokenizer=tokenizer, is_distilled=is_distilled)
    pipeline.tokenizer_max_length = FLUX_2_LENGTH
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
