import numpy as np
import torch
from PIL import Image, ImageDraw

from helpers.likeness import likeness
from wordbrush.pictures.outlines import FINER, outlined

CELL, SIDE = 8, 16
CELLS = (SIDE, SIDE)


def scene():
    """A red disc and a blue square on a ground with a gradient, and where the disc is, at four pixels to a cell."""
    ramp = np.tile(np.linspace(150, 230, SIDE * CELL), (SIDE * CELL, 1)).round().astype(np.uint8)
    picture = Image.fromarray(np.stack([ramp] * 3, axis=-1))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((24, 40, 72, 88), fill=(210, 30, 40))
    draw.rectangle((80, 40, 112, 88), fill=(30, 60, 200))
    disc = Image.new("L", picture.size)
    ImageDraw.Draw(disc).ellipse((24, 40, 72, 88), fill=255)
    small = disc.resize((SIDE * FINER, SIDE * FINER), Image.Resampling.BOX)
    return picture, torch.from_numpy(np.array(small) > 127)


def test_a_spot_within_a_thing_grows_to_its_edge():
    picture, disc = scene()
    spot = torch.zeros(1, SIDE, SIDE)
    spot[0, 6:10, 4:8] = 1.0
    spot[0, 5:11, 3:9] += 0.3
    coarse = torch.nn.functional.interpolate(spot[None] / spot.max(), scale_factor=FINER)[0, 0] > 0.15
    found = outlined(spot, picture, CELLS)[0] > 0.15
    assert likeness(found, disc) > 0.9 > likeness(coarse, disc) + 0.05


def test_maps_do_not_mix_and_an_empty_one_stays_empty():
    picture, _ = scene()
    maps = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    maps[1] = 0
    found = outlined(maps, picture, CELLS)
    assert not found[1].any()
    for i in (0, 2):
        torch.testing.assert_close(found[i], outlined(maps[i : i + 1], picture, CELLS)[0])


def test_a_picture_of_any_size_fits_its_maps():
    picture, _ = scene()
    spot = torch.zeros(1, SIDE, SIDE)
    spot[0, 6:10, 4:8] = 1.0
    large = picture.resize((512, 512), Image.Resampling.NEAREST)
    assert likeness(outlined(spot, large, CELLS)[0] > 0.15, outlined(spot, picture, CELLS)[0] > 0.15) > 0.97
    wide = outlined(torch.rand(1, 8, 12), picture.resize((96, 64)), (8, 12))
    assert wide.shape == (1, 32, 48)


def test_finer_latents_have_finer_outlines_and_large_ones_a_bound():
    """The maps of many models have fewer cells than their latents: what is compared reaches as far as such a cell."""
    picture, disc = scene()
    large = picture.resize((512, 512), Image.Resampling.BICUBIC)
    spot = torch.zeros(1, SIDE, SIDE)
    spot[0, 6:10, 4:8] = 1.0
    fine = outlined(spot, large, (64, 64))
    assert fine.shape == (1, 256, 256)
    small = torch.nn.functional.interpolate(fine[None], size=disc.shape, mode="area")[0, 0] > 0.15
    assert likeness(small, disc) > 0.9
    assert outlined(spot, large, (128, 128)).shape == (1, 256, 256)
