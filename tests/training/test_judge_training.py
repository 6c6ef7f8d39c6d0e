"""The training of the judge: its truth, what it forgives, and how often the one that ships is right."""

import math
from pathlib import Path

import pytest
import torch

from training.judge import accuracy, draw, loss_of, spoiled, train_judge
from training.schedule import Schedule
from wordbrush.scenes.judge.judge import CELLS, Judge
from wordbrush.scenes.judge.labels import NOUN_NAMES, NUM_LABELS, parts
from wordbrush.scenes.judge.network import JudgeNetwork
from wordbrush.scenes.pixels import as_input


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


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
    trained = train_judge(tmp_path, Schedule(2e-3, steps=2), "cpu", batch_size=2)
    assert not trained.training


def test_the_shipped_judge_is_right_on_scenes_that_it_never_saw(judge: Judge) -> None:
    shares = accuracy(judge, 100, "model")
    assert shares["found"] > 0.75
    assert shares["place"] > 0.9
    assert shares["style"] > 0.85
