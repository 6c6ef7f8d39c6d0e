import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.pictures.renumbered import renumbered

CELL, SIDE, FINER = 8, 16, 4
GROUND, THING = 200, 20


def row_of(count, wide=3, first=1, gap=1):
    """So many dark squares beside each other on a light ground, and their pixels at four to a cell."""
    picture = Image.new("RGB", (SIDE * CELL, SIDE * CELL), (GROUND,) * 3)
    things = torch.zeros(SIDE * FINER, SIDE * FINER, dtype=torch.bool)
    for i in range(count):
        left = first + i * (wide + gap)
        picture.paste((THING,) * 3, (left * CELL, 8 * CELL, (left + wide) * CELL, (8 + wide) * CELL))
        things[8 * FINER : (8 + wide) * FINER, left * FINER : (left + wide) * FINER] = True
    return picture, things


def dark(picture):
    return np.asarray(picture.convert("L")) < (GROUND + THING) / 2


@pytest.mark.parametrize(("before", "after"), [(3, 2), (3, 1), (2, 1), (1, 2), (1, 3), (2, 3)])
def test_so_many_are_there_afterwards_of_the_same_size(before, after):
    picture, things = row_of(before)
    made, changed = renumbered(picture, things, before, after, (SIDE, SIDE))
    assert dark(made).sum() == pytest.approx(after * (3 * CELL) ** 2, rel=0.1)
    assert dark(made).sum(0).max() == pytest.approx(3 * CELL, abs=2)
    held = np.kron(changed.numpy(), np.ones((CELL, CELL))) == 0
    assert np.abs(np.asarray(made, int) - np.asarray(picture, int))[held].max() <= 40, "no more than the seam"


def test_the_end_of_the_row_goes_and_its_place_is_ground():
    picture, things = row_of(3)
    made, _ = renumbered(picture, things, 3, 2, (SIDE, SIDE))
    assert np.abs(np.asarray(made.convert("L"), int)[:, 8 * CELL :] - GROUND).max() <= 1


def test_all_become_smaller_where_there_is_no_room():
    picture, things = row_of(1, wide=10, first=3)
    things[8 * FINER :, :] = things[8 * FINER : 18 * FINER, :]
    made, _ = renumbered(picture, things, 1, 2, (SIDE, SIDE))
    columns = np.flatnonzero(dark(made).any(0))
    assert columns[0] > 0
    assert columns[-1] < SIDE * CELL - 1
    assert columns[-1] - columns[0] > 13 * CELL


def test_fewer_places_than_things_change_nothing():
    picture, things = row_of(0)
    made, changed = renumbered(picture, things, 2, 1, (SIDE, SIDE))
    assert made is picture
    assert not changed.any()


@pytest.mark.parametrize("places", [2, 3, 5])
def test_each_of_the_things_has_a_place_however_few_there_are(places):
    picture, things = row_of(0)
    things[40, 10 : 10 + places] = True
    _, changed = renumbered(picture, things, 2, 1, (SIDE, SIDE))
    assert changed.any()
