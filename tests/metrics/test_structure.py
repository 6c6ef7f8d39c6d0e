"""Structure distance beside transformers' own hidden states, with the last layer's keys made by hand."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import ViTModel

from helpers.tiny_metrics import dino_folder
from wordbrush.errors import ModelError
from wordbrush.metrics.structure import Structure

MEAN, STD = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return dino_folder(tmp_path_factory.mktemp("weights") / "dino-vitb8")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(2)]


def plain_similarity(folder, pixels):
    """Keys from the input of the last layer, head by head put side by side, and their cosines one by one."""
    network = ViTModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.no_grad():
        states = network(pixels, output_hidden_states=True).hidden_states[-2]
        last = network.layers[-1]
        keys = last.attention.k_proj(last.layernorm_before(states))[0]
    return F.cosine_similarity(keys[:, None], keys[None], dim=-1)


def test_self_similarity_is_that_of_the_last_layers_keys(folder):
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    found = Structure.load(folder).self_similarity(pixels)
    assert found.shape == (50, 50)  # 7 x 7 patches and the class token
    assert torch.allclose(found, plain_similarity(folder, pixels), atol=1e-4)
    assert torch.allclose(found.diagonal(), torch.ones(50), atol=1e-4)


@pytest.mark.parametrize("published", [True, False])
def test_the_distance_is_the_mean_squared_difference(folder, pictures, published):
    similarities = []
    for picture in pictures:
        pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None].float()
        pixels = F.interpolate(pixels, size=(224, 224), mode="bilinear", align_corners=False)
        similarities.append(plain_similarity(folder, ((pixels if published else pixels / 255) - MEAN) / STD))
    expected = (similarities[0] - similarities[1]).square().mean().item()
    structure = Structure.load(folder)
    measure = structure.published_distance if published else structure.distance
    assert measure(*pictures) == pytest.approx(expected, rel=1e-3)
    assert measure(pictures[0], pictures[0]) == 0


def test_other_shapes_are_seen_whole(folder):
    wide = [Image.new("RGB", (96, 64), colour) for colour in ("red", "blue")]
    assert Structure.load(folder).distance(*wide) > 0


def test_checkpoints_with_the_older_names_are_read_too(folder, tmp_path):
    """As facebook/dino-vitb8 has them, with a pooler that is not needed."""
    names = {"layers.": "encoder.layer.", "q_proj": "attention.query", "k_proj": "attention.key"}
    names |= {"v_proj": "attention.value", "attention.o_proj": "attention.output.dense"}
    names |= {"mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    dino_folder(tmp_path)
    older = {"pooler.dense.weight": torch.zeros(24, 24), "pooler.dense.bias": torch.zeros(24)}
    for name, tensor in load_file(tmp_path / "model.safetensors").items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        older[name] = tensor
    assert "encoder.layer.2.attention.attention.key.weight" in older
    save_file(older, tmp_path / "model.safetensors", {"format": "pt"})
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    found = Structure.load(tmp_path).self_similarity(pixels)
    assert torch.equal(found, Structure.load(folder).self_similarity(pixels))


def test_wrong_weights_are_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        Structure.load(tmp_path)
    copy = tmp_path / "copy"
    dino_folder(copy)
    tensors = load_file(copy / "model.safetensors")
    name = next(name for name in tensors if "layernorm_after" in name)
    save_file({n: t for n, t in tensors.items() if n != name}, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="is missing or has another shape"):
        Structure.load(copy)
