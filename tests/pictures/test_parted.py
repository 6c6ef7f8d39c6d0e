import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

from helpers.likeness import likeness
from wordbrush.pictures.outlines import FINER
from wordbrush.pictures.parted import parted

SIDE = 16
CELLS = (SIDE, SIDE)
HALF = 0.5


def drawn(*shapes):
    """A picture of discs on a ground with a gradient, each given by its box and colours of its upper and lower half,
    and where each is, at four pixels to a cell.
    """
    ramp = np.tile(np.linspace(150, 230, 128)[:, None], (1, 128)).round().astype(np.uint8)
    picture = Image.fromarray(np.stack([ramp] * 3, axis=-1))
    where = []
    for box, upper, lower in shapes:
        disc = Image.new("L", picture.size)
        ImageDraw.Draw(disc).ellipse(box, fill=255)
        halves = Image.new("RGB", picture.size, upper)
        halves.paste(lower, (0, (box[1] + box[3]) // 2, 128, 128))
        picture.paste(halves, mask=disc)
        where.append(np.array(disc.resize((SIDE * FINER, SIDE * FINER), Image.Resampling.BOX)) > 127)
    return picture, torch.from_numpy(np.stack(where))


def spot(top, left, high=1.0):
    """A map that is high at four cells by four, and a little around them."""
    cells = torch.zeros(SIDE, SIDE)
    cells[top - 1 : top + 5, left - 1 : left + 5] = 0.2 * high
    cells[top : top + 4, left : left + 4] = high
    return cells


def test_a_part_of_another_colour_is_the_things_too():
    picture, (disc,) = drawn(((24, 40, 72, 88), (210, 30, 40), (30, 60, 200)))
    seen = spot(6, 4)
    seen[8:11] *= 0.3
    assert likeness(parted(seen[None], picture, CELLS)[0] > HALF, disc) > 0.93


def test_ground_that_is_seen_a_little_hangs_together_with_all_ground():
    """A map reaches beyond its thing."""
    picture, (disc,) = drawn(((24, 40, 72, 88), (210, 30, 40), (210, 30, 40)))
    seen = spot(6, 4)
    seen[4:12, 2:11] += 0.2
    assert likeness(parted(seen[None], picture, CELLS)[0] > HALF, disc) > 0.9


def test_where_two_are_seen_each_pixel_is_of_the_one_that_is_seen_more():
    red, blue = ((24, 40, 72, 88), (210, 30, 40), (210, 30, 40)), ((74, 40, 122, 88), (30, 60, 200), (30, 60, 200))
    picture, discs = drawn(red, blue)
    left, right = spot(6, 4), spot(6, 10)
    found = parted(torch.stack([left + 0.4 * right, right + 0.4 * left]), picture, CELLS) > HALF
    assert not found.all(0).any()
    assert all(likeness(found[i], discs[i]) > 0.9 for i in range(2))


def test_it_is_a_likelihood_and_an_empty_map_has_none():
    noise = np.random.default_rng(5).integers(0, 256, (128, 128, 3), np.uint8)
    maps = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    maps[1] = 0
    found = parted(maps, Image.fromarray(noise), CELLS)
    assert found.min() > -1e-3
    assert found.max() < 1 + 1e-3
    assert not found[1].any()


@pytest.mark.parametrize("grain", [0, 6])
def test_what_differs_little_everywhere_hides_no_edge(grain):
    """A photograph has a grain: neighbours within one thing differ there, and its edges are told by more than that."""
    picture, (disc,) = drawn(((24, 40, 72, 88), (210, 30, 40), (210, 30, 40)))
    grains = np.random.default_rng(5).normal(0, grain, (128, 128, 3))
    grained = Image.fromarray((np.asarray(picture) + grains).clip(0, 255).round().astype(np.uint8))
    assert likeness(parted(spot(6, 4)[None], grained, CELLS)[0] > HALF, disc) > 0.9


def test_a_closed_edge_holds_a_walk_in():
    """Of one colour and shut in, all pixels of a thing are as likely, whatever the map says of each."""
    picture, (disc,) = drawn(((24, 40, 72, 88), (210, 30, 40), (210, 30, 40)))
    inside = F.max_pool2d(-disc[None].float(), 3, stride=1, padding=1)[0] < -HALF  # nothing of the edge
    found = parted(spot(6, 4)[None], picture, CELLS)[0][inside]
    assert found.std() < 0.05 * found.mean()


def test_large_pictures_have_a_bound():
    large = Image.effect_noise((512, 512), 30).convert("RGB")
    assert parted(torch.rand(1, 64, 64), large, (128, 128)).shape == (1, 256, 256)
