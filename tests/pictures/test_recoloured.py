import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.pictures.recoloured import recoloured

SIDE, CELL = 64, 8
SHADES = (60, 100, 100, 140)


def striped():
    """A thing of four grey stripes on a white ground, and where it is."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    for i, shade in enumerate(SHADES):
        picture.paste((shade,) * 3, (16 + 8 * i, 16, 24 + 8 * i, 48))
    thing = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    thing[16:48, 16:48] = True
    return picture, thing


@pytest.mark.parametrize("colour", [(200, 40, 40), (10, 10, 30), (250, 250, 250), (0, 0, 0)])
def test_a_thing_has_the_colour_and_its_own_shades(colour):
    picture, thing = striped()
    made, _ = recoloured(picture, thing, colour, (CELL, CELL))
    stripes = [np.array(made.getpixel((20 + 8 * i, 30)), int) for i in range(4)]
    assert np.abs(stripes[1] - colour).max() <= 1
    assert (stripes[0] <= stripes[1]).all()
    assert (stripes[3] >= stripes[2]).all()
    assert stripes[0].sum() < stripes[3].sum(), "also where it is black or white"


def test_everything_else_stays():
    picture, thing = striped()
    made, changed = recoloured(picture, thing, (200, 40, 40), (CELL, CELL))
    away = np.abs(np.asarray(made, int) - np.asarray(picture, int)).max(2)
    assert away[:14].max() == away[50:].max() == 0
    assert changed.sum() == 4 * 4


def test_what_is_seen_through_a_thing_is_not_painted():
    picture, thing = striped()
    picture.paste("white", (24, 16, 32, 48))
    made, _ = recoloured(picture, thing, (200, 40, 40), (CELL, CELL))
    assert made.getpixel((28, 30)) == (255, 255, 255)
    assert made.getpixel((36, 30)) == (200, 40, 40)


@pytest.mark.parametrize("shade", [0, 200])
def test_a_thing_of_one_shade_is_painted_whatever_its_own_was(shade):
    picture, thing = striped()
    picture.paste((shade,) * 3, (16, 16, 48, 48))
    made, _ = recoloured(picture, thing, (120, 60, 180), (CELL, CELL))
    assert made.getpixel((32, 32)) == (120, 60, 180)


def test_without_a_thing_nothing_is_painted():
    picture, thing = striped()
    made, changed = recoloured(picture, thing & False, (200, 40, 40), (CELL, CELL))
    assert made is picture
    assert not changed.any()
