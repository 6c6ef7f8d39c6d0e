from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.edits.blend import Relation
from wordbrush.pictures.rearranged import rearranged

CELL, SIDE, FINER = 8, 16, 4
GROUND, THING, OTHER = (200, 200, 200), (20, 20, 20), (230, 30, 30)
RELATIONS = get_args(Relation)


def scene(thing, other):
    """A dark thing and a red one, as boxes in cells (left, top, right, foot), and where either is seen."""
    picture = Image.new("RGB", (SIDE * CELL, SIDE * CELL), GROUND)
    places = torch.zeros(2, SIDE * FINER, SIDE * FINER, dtype=torch.bool)
    for place, box, colour in ((places[1], other, OTHER), (places[0], thing, THING)):
        left, top, right, foot = box
        picture.paste(colour, tuple(CELL * edge for edge in box))
        place[top * FINER : foot * FINER, left * FINER : right * FINER] = True
    places[1] &= ~places[0]
    return picture, places


def bounds(picture, colour):
    """Left, top, right and foot of a colour, in cells."""
    near = np.abs(np.asarray(picture, int) - colour).max(2) < 60
    rows, columns = np.nonzero(near)
    return tuple(v / CELL for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))


BESIDE = scene((1, 10, 4, 13), (7, 7, 12, 13))
STACKED = scene((8, 4, 11, 8), (7, 7, 12, 13))


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(("picture", "places"), [BESIDE, STACKED])
def test_a_thing_keeps_its_size_and_everything_elsewhere_stays(picture, places, relation):
    before = bounds(picture, THING)
    made, changed = rearranged(picture, *places, relation, (SIDE, SIDE))
    left, top, right, foot = bounds(made, THING)
    assert (right - left, foot - top) == pytest.approx((before[2] - before[0], before[3] - before[1]), abs=0.4)
    held = np.kron(changed.numpy(), np.ones((CELL, CELL))) == 0
    assert np.abs(np.asarray(made, int) - np.asarray(picture, int))[held].max() <= 90, "half of the seam"


@pytest.mark.parametrize("relation", ["on", "worn by"])
def test_what_is_on_another_stands_over_its_middle_and_a_little_in_it(relation):
    picture, places = BESIDE
    made, _ = rearranged(picture, *places, relation, (SIDE, SIDE))
    left, top, right, foot = bounds(made, THING)
    assert (left + right) / 2 == pytest.approx(9.5, abs=0.3)
    assert top < 7 < foot < 10
    assert np.abs(np.asarray(made, int)[10 * CELL : 13 * CELL, : 5 * CELL] - GROUND).max() <= 1, "its place is ground"


@pytest.mark.parametrize(("relation", "on_the_left"), [("beside", True), ("left of", True), ("right of", False)])
def test_what_is_beside_another_stands_on_its_ground(relation, on_the_left):
    picture, places = STACKED
    made, _ = rearranged(picture, *places, relation, (SIDE, SIDE))
    left, _, right, foot = bounds(made, THING)
    assert foot == pytest.approx(13, abs=0.3)
    assert (right < 7) == on_the_left
    assert (left > 9) == (not on_the_left)


def test_where_a_thing_hid_another_that_one_is_seen_again():
    picture, places = STACKED
    made, _ = rearranged(picture, *places, "beside", (SIDE, SIDE))
    assert np.abs(np.asarray(made, int)[7 * CELL + 6 : 8 * CELL, 9 * CELL] - OTHER).max() < 40


def test_a_thing_stays_inside_of_the_picture():
    picture, places = scene((1, 4, 7, 13), (9, 2, 14, 13))
    made, _ = rearranged(picture, *places, "on", (SIDE, SIDE))
    assert bounds(made, THING)[1] == pytest.approx(0, abs=0.5)


def test_a_thing_without_room_at_the_side_stays_inside_of_the_picture():
    picture, places = scene((2, 4, 5, 8), (1, 7, 15, 13))
    made, _ = rearranged(picture, *places, "left of", (SIDE, SIDE))
    left, top, right, foot = bounds(made, THING)
    assert left == pytest.approx(0, abs=0.3)
    assert (right - left, foot - top) == pytest.approx((3, 4), abs=0.4)


def test_a_few_stray_places_move_nothing():
    picture, places = BESIDE
    strewn = places.clone()
    strewn[1, 5, 3] = True
    made, strayed = (rearranged(picture, *each, "beside", (SIDE, SIDE))[0] for each in (places, strewn))
    assert bounds(made, THING) == bounds(strayed, THING)


@pytest.mark.parametrize("missing", [0, 1])
def test_without_one_of_the_two_nothing_moves(missing):
    picture, places = BESIDE
    there = places.clone()
    there[missing] = False
    made, changed = rearranged(picture, *there, "on", (SIDE, SIDE))
    assert made is picture
    assert not changed.any()
