"""The judge of pictures: its labels, and the one that ships."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from wordbrush.errors import ModelError
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import CELLS, PRESENT, WEIGHTS, Judge, Verdict
from wordbrush.scenes.judge.labels import NOUN_NAMES, PLACE_NAMES, cell_classes
from wordbrush.scenes.render import render, render_picture
from wordbrush.scenes.scene import NUM_DRAWS, compose


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def test_a_cell_has_the_class_of_what_covers_most_of_it() -> None:
    shares = {"dog": torch.tensor([[0.7, 0.2], [0.3, 0.0]]), "apple": torch.tensor([[0.2, 0.7], [0.3, 0.0]])}
    classes = cell_classes(shares, "beach")
    behind = len(NOUN_NAMES) + PLACE_NAMES.index("beach")
    dog, apple = NOUN_NAMES.index("dog"), NOUN_NAMES.index("apple")
    assert classes.tolist() == [[dog, apple], [behind, behind]]


def test_the_shipped_judge_says_where(judge: Judge) -> None:
    scene = compose(Cast("eating", "panda", "noto", "watermelon", "noto", "beach"), (0.0,) * NUM_DRAWS)
    picture, masks = render(scene)
    verdict = judge(picture)
    assert verdict.shows("panda")
    assert not verdict.shows("bicycle")
    assert verdict.place == "beach"
    cells = masks["panda"].reshape(CELLS, 8, CELLS, 8).mean((1, 3)) > 0.5
    found = verdict.where("panda")
    assert (cells & found).sum() / (cells | found).sum() > 0.5


def test_pictures_of_any_size_and_mode_are_judged(judge: Judge) -> None:
    scene = compose(Cast("alone", "panda", "noto"), (0.0,) * NUM_DRAWS)
    large = Image.fromarray(render_picture(scene)).resize((300, 300)).convert("RGBA")
    assert judge(large).shows("panda")
    assert len(judge.all([large, render_picture(scene)])) == 2


def test_a_thing_is_there_from_two_cells_on() -> None:
    shares = np.zeros((len(NOUN_NAMES), CELLS, CELLS), np.float32)
    shares[0, 0, 0] = 0.9
    assert not Verdict(shares, None, None).shows(NOUN_NAMES[0])
    shares[0, 0, 1] = 0.9
    assert Verdict(shares, None, None).shows(NOUN_NAMES[0])
    assert Verdict(shares, None, None).nouns == frozenset({NOUN_NAMES[0]})
    assert PRESENT * CELLS**2 == 2


@pytest.mark.parametrize("damage", ["missing", "cut", "another"])
def test_a_file_that_is_no_judge_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "judge.safetensors"
    if damage == "cut":
        path.write_bytes(WEIGHTS.read_bytes()[:1000])
    elif damage == "another":
        save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        Judge.load(path)
    assert str(caught.value).isprintable()
