"""The judge of pictures: its labels, its training at a tiny size, and the one that ships."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.judge import CELLS, PRESENT, Judge, Verdict
from wordbrush.scenes.judge.labels import NOUN_NAMES, NUM_LABELS, PLACE_NAMES, cell_classes, parts
from wordbrush.scenes.judge.network import JudgeNetwork
from wordbrush.scenes.pixels import as_input
from wordbrush.scenes.render import render, render_picture
from wordbrush.scenes.scene import NUM_DRAWS, compose
from wordbrush.scenes.training.judge import accuracy, draw, loss_of, spoiled, train_judge


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def test_a_cell_has_the_class_of_what_covers_most_of_it() -> None:
    shares = {"dog": torch.tensor([[0.7, 0.2], [0.3, 0.0]]), "apple": torch.tensor([[0.2, 0.7], [0.3, 0.0]])}
    classes = cell_classes(shares, "beach")
    behind = len(NOUN_NAMES) + PLACE_NAMES.index("beach")
    dog, apple = NOUN_NAMES.index("dog"), NOUN_NAMES.index("apple")
    assert classes.tolist() == [[dog, apple], [behind, behind]]


def test_drawn_truth_is_what_the_scenes_show() -> None:
    pictures, classes, styles, scenes = draw(3, 0, 6)
    assert pictures.shape == (6, 128, 128, 3)
    assert classes.shape == (6, CELLS, CELLS)
    for truth, scene in zip(classes, scenes, strict=True):
        seen = {NOUN_NAMES[i] for i in truth.unique().tolist() if i < len(NOUN_NAMES)}
        assert seen <= {scene.cast.subject, scene.cast.partner}
        assert scene.cast.subject in seen
    assert styles.shape == (6,)
    assert torch.equal(pictures, draw(3, 0, 6)[0])


def test_spoiling_keeps_pictures_recognisable_and_follows_its_seed() -> None:
    x = as_input(draw(4, 0, 3)[0])
    y = spoiled(x, torch.Generator().manual_seed(1))
    assert not torch.equal(x, y)
    assert torch.equal(y, spoiled(x, torch.Generator().manual_seed(1)))
    assert (x - y).abs().mean() < 0.25


def test_the_network_speaks_of_cells_and_its_loss_falls(tmp_path: Path) -> None:
    network = JudgeNetwork()
    pictures, classes, styles, _ = draw(5, 0, 4)
    logits = network(as_input(pictures))
    assert logits.shape == (4, NUM_LABELS, CELLS, CELLS)
    cells, whole = parts(logits)
    assert cells.shape[1] + whole.shape[1] == NUM_LABELS
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    losses = []
    for _ in range(8):
        loss = loss_of(network(as_input(pictures)), classes, styles)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.7 * losses[0]
    trained = train_judge(tmp_path, 1, "cpu", batch_size=2, max_steps=2)
    assert not trained.training


def test_the_shipped_judge_is_right_on_scenes_that_it_never_saw(judge: Judge) -> None:
    shares = accuracy(judge, 100, held_out=False)
    assert shares["found"] > 0.75
    assert shares["place"] > 0.9
    assert shares["style"] > 0.85


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
