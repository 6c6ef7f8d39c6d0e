"""The edge layout distance: colours do not matter to it, where edges are does."""

import numpy as np
from PIL import Image, ImageDraw

from wordbrush_bench.layout_distance import layout_distance


def square(x: int, fill: str = "white", ground: str = "black") -> Image.Image:
    image = Image.new("RGB", (128, 128), ground)
    ImageDraw.Draw(image).rectangle((x, 40, x + 40, 80), fill=fill)
    return image


def test_it_is_a_distance_of_layouts():
    here, near, far = square(10), square(18), square(70)
    assert layout_distance(here, here) == 0
    assert layout_distance(here, far) == layout_distance(far, here)
    assert 0 < layout_distance(here, near) < layout_distance(here, far)


def test_colours_matter_less_than_places():
    recoloured, moved = square(10, "yellow", "navy"), square(70)
    assert layout_distance(square(10), recoloured) < 0.1 * layout_distance(square(10), moved)


def test_the_size_of_pictures_matters_little():
    large = square(10).resize((256, 256))
    assert layout_distance(square(10), large) < 0.1 * layout_distance(square(10), square(70))


def test_it_is_bounded():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8))
    assert 0 < layout_distance(noise, square(10)) <= 1
