import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.pictures.rescaled import rescaled

CELL, SIDE = 8, 12


def scene():
    """A dark square on the ground of a picture that is lighter to the right, and its cells."""
    ramp = np.tile(np.linspace(120, 250, SIDE * CELL), (SIDE * CELL, 1)).round().astype(np.uint8)
    picture = Image.fromarray(np.stack([ramp] * 3, axis=-1))
    picture.paste((20, 20, 20), (4 * CELL, 5 * CELL, 7 * CELL, 8 * CELL))
    thing = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    thing[5:8, 4:7] = True
    return picture, thing


def dark(picture):
    return np.argwhere(np.asarray(picture.convert("L")) < 60)


@pytest.mark.parametrize("ratio", [0.4, 0.7, 1.3, 2.0])
def test_it_stands_where_it_stood_in_its_new_size(ratio):
    picture, thing = scene()
    moved, changed = rescaled(picture, thing, ratio, (SIDE, SIDE))
    (top, left), (bottom, right) = dark(moved).min(0), dark(moved).max(0)
    width = 3 * CELL * ratio
    assert bottom + 1 == pytest.approx(8 * CELL, abs=3)
    assert (left + right + 1) / 2 == pytest.approx(5.5 * CELL, abs=1)
    assert right + 1 - left == pytest.approx(width, abs=CELL / 2)
    assert bottom + 1 - top == pytest.approx(width, abs=CELL / 2)
    before, after = (np.asarray(image, np.int16) for image in (picture, moved))
    held = np.kron(changed.numpy(), np.ones((CELL, CELL))) == 0
    assert np.abs(before - after)[held].max() <= 40, "beyond its cells there is no more than the seam"


def test_a_smaller_one_leaves_its_surroundings():
    picture, thing = scene()
    moved, _ = rescaled(picture, thing, 0.4, (SIDE, SIDE))
    row = np.asarray(moved.convert("L"), np.int16)[5 * CELL + 2]
    assert np.abs(row - np.linspace(120, 250, SIDE * CELL)).max() < 12


def test_a_thing_that_is_nowhere_changes_nothing():
    picture, thing = scene()
    moved, changed = rescaled(picture, thing & False, 2.0, (SIDE, SIDE))
    assert moved.tobytes() == picture.tobytes()
    assert not changed.any()
