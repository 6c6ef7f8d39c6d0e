"""A pipeline folder of Stable Diffusion v1-4's configurations and vocabulary, with random weights, whole or narrow."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers.convert_slow_tokenizer import bytes_to_unicode

from wordbrush_bench.shapes import SD14_SCHEDULER, random_parts

MERGES = Path(__file__).parents[1] / "data/clip_bpe_vocab_16e6.txt.gz"
NARROW: Mapping[str, Mapping[str, Any]] = {
    "unet": {"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 48, "norm_num_groups": 16},
    "vae": {"block_out_channels": (16, 32, 32, 32), "norm_num_groups": 16, "layers_per_block": 1},
    "text_encoder": {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4},
}
"""The same layers, heads, grids and vocabulary, a tenth as wide."""


def sd14_folder(folder: Path, dtype: torch.dtype, narrow: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a folder as the hub has it, of Stable Diffusion v1-4's widths but where `narrow` replaces them."""
    for name, model in zip(("unet", "vae", "text_encoder"), random_parts("sd14", dtype, **narrow), strict=True):
        model.save_pretrained(folder / name)
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SD14_SCHEDULER))
    clip_tokenizer_files(folder / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.2.2",
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def clip_tokenizer_files(folder: Path) -> Path:
    """CLIP's vocabulary as vocab.json and merges.txt, the form that Stable Diffusion's folder has."""
    folder.mkdir(parents=True)
    merges = gzip.decompress(MERGES.read_bytes()).decode().split("\n")[1 : 48894 + 1]
    alphabet = list(bytes_to_unicode().values())
    tokens = alphabet + [letter + "</w>" for letter in alphabet] + ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    config = {**special, "unk_token": "<|endoftext|>", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder
