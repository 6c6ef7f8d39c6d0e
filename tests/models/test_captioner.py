"""A caption by a real BLIP model, tiny and random, that lies in a local folder."""

import json

import pytest
import torch
from PIL import Image
from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipTextConfig, BlipVisionConfig

from picture_files import picture
from wordbrush.errors import ModelError
from wordbrush.models.captioner import _pixels, caption

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[DEC]",
    *"a photo of the dog cat red big on mat in snow".split(),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captioner")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = BlipTextConfig(
        vocab_size=len(WORDS),
        encoder_hidden_size=16,
        bos_token_id=5,
        sep_token_id=3,
        eos_token_id=3,
        pad_token_id=0,
        **small,
    )
    config = BlipConfig(text_config=text.to_dict(), vision_config=BlipVisionConfig(image_size=32, **small).to_dict())
    BlipForConditionalGeneration(config).save_pretrained(folder)
    return folder


def test_it_says_words_of_its_vocabulary_and_the_same_again(folder):
    said = caption(folder, picture())
    assert set(said.split()) <= set(WORDS)
    assert caption(str(folder), picture()) == said


def test_pictures_are_scaled_as_the_folder_says(folder, tmp_path):
    white = Image.new("RGB", (50, 20), (255, 255, 255))
    assert torch.allclose(_pixels(folder, white, 32)[0, :, 5, 5], torch.tensor([1.9303, 2.0749, 2.1459]), atol=1e-4)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    pixels = _pixels(tmp_path, white, 32)
    assert pixels.shape == (1, 3, 32, 32)
    assert bool((pixels == 1).all())


def test_what_is_no_captioner(folder, tmp_path, tiny_folder):
    with pytest.raises(ModelError, match=r"has no config\.json; give the folder of a BLIP model"):
        caption(tmp_path, picture())
    with pytest.raises(ModelError, match="is a clip_text_model model; a captioner is a BLIP model"):
        caption(tiny_folder / "text_encoder", picture())
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match=r"has no \*\.safetensors"):
        caption(tmp_path, picture())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be loaded"):
        caption(tmp_path, picture())
