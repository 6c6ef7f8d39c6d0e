"""A real HunyuanDiT pipeline at tiny size: random weights, seeded, built offline."""

from collections.abc import Iterable
from typing import Any

import torch
from diffusers import DDIMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
from transformers import BertConfig, BertModel, BertTokenizer

from wordbrush_bench.tiny.joint import sharpened, t5_tokenizer, tiny_t5, tiny_vae
from wordbrush_bench.tiny.stable_diffusion import WORDS

SIZE = (64, 96)
"""Pictures of 4 x 6 positions; the pipeline takes multiples of 16, and counts 8 pixels a cell."""

DDIM = DDIMScheduler(
    beta_start=0.00085, beta_end=0.03, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
    steps_offset=1, prediction_type="v_prediction",
)  # fmt: skip


def bert_tokenizer(words: Iterable[str] = WORDS - {"smiling", "castle"}) -> BertTokenizer:
    """WordPiece: known words are one token, others fall into letters."""
    letters = "abcdefghijklmnopqrstuvwxyz,.'"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words), *letters, *(f"##{a}" for a in letters)]
    return BertTokenizer(vocab={piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, do_lower_case=True)


def tiny_hunyuan(*, scheduler: Any = DDIM, **changes: Any) -> HunyuanDiTPipeline:
    """Four blocks, of which the last has a skip connection."""
    bert_words, t5_words = bert_tokenizer(), t5_tokenizer()
    config = {
        "sample_size": 16,
        "in_channels": 4,
        "patch_size": 2,
        "num_layers": 4,
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "hidden_size": 16,
        "cross_attention_dim": 12,
        "cross_attention_dim_t5": 24,
        "pooled_projection_dim": 8,
    }
    torch.manual_seed(0)
    transformer = HunyuanDiT2DModel(**{**config, **changes})
    vae = tiny_vae(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8,) * 4,
        sample_size=64,
    )
    torch.manual_seed(2)
    bert = BertModel(
        BertConfig(
            vocab_size=len(bert_words),
            hidden_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=77,
        )
    )
    pipeline = HunyuanDiTPipeline(
        vae=vae,
        text_encoder=bert.eval(),
        tokenizer=bert_words,
        transformer=sharpened(transformer),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=tiny_t5(t5_words, 24),
        tokenizer_2=t5_words,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
