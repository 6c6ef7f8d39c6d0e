"""Tiny DINO and CLIP folders with random weights, built offline."""

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, ViTConfig, ViTModel

from wordbrush_bench.tiny.stable_diffusion import tiny_tokenizer


def dino_folder(folder: Path) -> Path:
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, patch_size=32, image_size=224
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def clip_folder(folder: Path) -> Path:
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer(16)
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 16,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
