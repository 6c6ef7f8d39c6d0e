"""The CLIP score beside the whole of transformers' CLIP: its processor, its forward, its cosine."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from helpers.tiny_metrics import clip_folder
from wordbrush.errors import ModelError
from wordbrush.metrics.clip_score import ClipScore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("weights") / "clip")


def plain_score(folder, picture, words):
    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    with torch.no_grad():
        tokens = tokenizer(words, return_tensors="pt", truncation=True, max_length=16)
        output = model(**tokens, pixel_values=processor(picture, return_tensors="pt")["pixel_values"])
        return (output.logits_per_image / model.logit_scale.exp()).item() * 100


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (50, 40), (40, 51)])
def test_the_score_is_that_of_the_plain_model(folder, size):
    rng = np.random.default_rng(size[0])
    picture = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    score = ClipScore.load(folder)
    words = ["a dog", "a big red apple", "a cat in a house"]
    expected = [plain_score(folder, picture, text) for text in words]
    assert [score(picture, text) for text in words] == pytest.approx([max(0, e) for e in expected], abs=1e-3)


def test_some_scores_are_above_nothing_and_none_below(folder):
    score = ClipScore.load(folder)
    colours = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "white", "black")]
    scores = [score(picture, words) for picture in colours for words in ("a dog", "an oil painting")]
    assert min(scores) >= 0
    assert max(scores) > 1


def test_long_prompts_are_cut(folder):
    picture = Image.new("RGB", (32, 32), "red")
    score = ClipScore.load(folder)
    assert score(picture, "dog " * 100) == score(picture, "dog " * 14)


def test_wrong_weights_are_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        ClipScore.load(tmp_path / "none")
