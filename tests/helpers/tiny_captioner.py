"""A real BLIP captioner at tiny size: random weights, seeded, built offline."""

from pathlib import Path

import torch
from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipTextConfig, BlipVisionConfig

CAPTION_WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[DEC]",
    *"a photo of the dog cat red on mat in".split(),
]
"""What the tiny captioner can say."""


def tiny_captioner_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(CAPTION_WORDS))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    special = {"bos_token_id": 5, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0}
    text = BlipTextConfig(vocab_size=len(CAPTION_WORDS), encoder_hidden_size=16, **special, **small)
    config = BlipConfig(text_config=text.to_dict(), vision_config=BlipVisionConfig(image_size=32, **small).to_dict())
    BlipForConditionalGeneration(config).save_pretrained(folder)
    return folder
