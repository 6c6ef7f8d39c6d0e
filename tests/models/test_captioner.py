"""A caption by a real BLIP model, tiny and random, that lies in a local folder."""

import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from helpers.picture_files import picture
from helpers.tiny_captioner import CAPTION_WORDS
from wordbrush.errors import ModelError, ModelWarning
from wordbrush.models.captioner import _pixels, caption


def test_it_says_words_of_its_vocabulary_and_the_same_again(captioner_folder):
    said = caption(captioner_folder, picture())
    assert set(said.split()) <= set(CAPTION_WORDS)
    assert caption(str(captioner_folder), picture()) == said


def test_pictures_are_scaled_as_the_folder_says(captioner_folder, tmp_path):
    white = Image.new("RGB", (50, 20), (255, 255, 255))
    assert torch.allclose(
        _pixels(captioner_folder, white, 32)[0, :, 5, 5], torch.tensor([1.9303, 2.0749, 2.1459]), atol=1e-3
    )
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    pixels = _pixels(tmp_path, white, 32)
    assert pixels.shape == (1, 3, 32, 32)
    assert bool((pixels == 1).all())


def test_what_is_no_captioner(captioner_folder, tmp_path, tiny_folder):
    with pytest.raises(ModelError, match=r"has no config\.json; give the folder of a BLIP model"):
        caption(tmp_path, picture())
    with pytest.raises(ModelError, match="is a clip_text_model model; a captioner is a BLIP model"):
        caption(tiny_folder / "text_encoder", picture())
    (tmp_path / "config.json").write_text((captioner_folder / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match=r"has no \*\.safetensors"):
        caption(tmp_path, picture())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be loaded"):
        caption(tmp_path, picture())


@pytest.mark.parametrize("part", ["vision_model", "text_decoder"])
def test_a_captioner_without_some_of_its_weights_is_refused(captioner_folder, tmp_path, part):
    folder = shutil.copytree(captioner_folder, tmp_path / "blip")
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    lost = next(name for name in sorted(tensors) if name.startswith(part))
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, weights, {"format": "pt"})
    with pytest.raises(ModelError, match=r"the tensor '.*' is missing"):
        caption(folder, Image.new("RGB", (40, 30)))


def test_a_compiled_captioner_is_mended(captioner_folder, tmp_path):
    folder = shutil.copytree(captioner_folder, tmp_path / "blip")
    weights = folder / "model.safetensors"
    save_file({f"_orig_mod.{name}": tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    picture = Image.radial_gradient("L").convert("RGB")
    with pytest.warns(ModelWarning, match="_orig_mod"):
        said = caption(folder, picture)
    assert said == caption(captioner_folder, picture)
