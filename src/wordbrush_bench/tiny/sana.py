"""A real Sana pipeline at tiny size: random weights, seeded, built offline."""

from collections.abc import Iterable
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    SanaPipeline,
    SanaTransformer2DModel,
)
from transformers import Gemma2Config, Gemma2Model, GemmaTokenizer

from wordbrush_bench.tiny.joint import sharpened
from wordbrush_bench.tiny.stable_diffusion import WORDS

SIZE = (32, 64)
"""Pictures of 16 x 32 positions; the pipeline takes multiples of 32."""

EULER = FlowMatchEulerDiscreteScheduler(shift=3.0)
MULTISTEP = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


def gemma_tokenizer(words: Iterable[str] = WORDS - {"smiling", "castle"}) -> GemmaTokenizer:
    """Byte-pair merges that join each word's letters, with a space before it or without; other words are letters."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581"]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += [chr(code) for code in range(33, 127)]
    merges: list[tuple[str, str]] = []
    for word in sorted(words):
        for pieces in (word, "\u2581" + word):
            left = pieces[0]
            for right in pieces[1:]:
                merges.append((left, right))
                left += right
                tokens.append(left)
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    return GemmaTokenizer(vocab=vocab, merges=list(dict.fromkeys(merges)))


def tiny_gemma(vocabulary: int, width: int) -> Gemma2Model:
    """Gemma of two layers."""
    torch.manual_seed(3)
    return Gemma2Model(
        Gemma2Config(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            max_position_embeddings=4096,
        )
    ).eval()


def tiny_dc() -> AutoencoderDC:
    """Latents of half the size, which are what the encoder gives, without a deviation."""
    torch.manual_seed(1)
    return AutoencoderDC(
        latent_channels=4,
        attention_head_dim=4,
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        encoder_qkv_multiscales=((), ()),
        decoder_qkv_multiscales=((), ()),
        scaling_factor=0.41,
    ).eval()


def tiny_sana(*, scheduler: Any = EULER, **changes: Any) -> SanaPipeline:
    """Two blocks."""
    config = {
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 2,
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "num_cross_attention_heads": 2,
        "cross_attention_head_dim": 8,
        "cross_attention_dim": 16,
        "caption_channels": 24,
        "sample_size": 32,
    }
    torch.manual_seed(0)
    transformer = SanaTransformer2DModel(**{**config, **changes})
    tokenizer = gemma_tokenizer()
    pipeline = SanaPipeline(
        tokenizer=tokenizer,
        text_encoder=tiny_gemma(len(tokenizer), 24),
        vae=tiny_dc(),
        transformer=sharpened(transformer),
        scheduler=scheduler,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
