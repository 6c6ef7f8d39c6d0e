import numpy as np
import pytest
from PIL import Image

from helpers.some_maps import some_maps
from wordbrush.errors import SettingsError
from wordbrush.maps.draw import TILE_SIDE, heat, overlay
from wordbrush.views.colour import colour_table

RAMP = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8))


def test_the_scale_is_from_the_darkest_to_the_lightest_colour():
    for scale, ends in {(0, 1): (0, 255), (0, 2): (0, 128), (0.5, 1): (0, 255)}.items():
        pixels = np.asarray(heat(RAMP, (4, 6), scale))
        assert pixels[0, 0].tolist() == colour_table()[ends[0]].tolist()
        assert pixels[-1, -1].tolist() == colour_table()[ends[1]].tolist()


def test_a_flat_map_is_drawn_and_not_divided_by_nothing():
    flat = np.asarray(heat(np.full((4, 4), 0.3, np.float32), (8, 8), (0.3, 0.3)))
    assert (flat == colour_table()[0]).all()


def test_an_overlay_shows_the_picture_where_the_map_is_low_and_the_map_where_it_is_high():
    halves = np.zeros((4, 6), np.float32)
    halves[:, 3:] = 1
    laid = np.asarray(overlay(halves, PICTURE, (0, 1)), float)
    grey = np.asarray(PICTURE.convert("L"), float)
    assert laid.shape == (32, 48, 3)
    assert np.corrcoef(laid[:, :16].mean(axis=2).ravel(), grey[:, :16].ravel())[0, 1] > 0.99
    assert np.abs(laid[:, 32:] - colour_table()[255]).mean() < 60 < np.abs(laid[:, :16] - colour_table()[255]).mean()


def test_tiles_have_the_pictures_aspect_and_sheets_all_words():
    maps = some_maps()
    assert maps.tile("dog").size == (TILE_SIDE * 3 // 2, TILE_SIDE)
    assert maps.overlay("dog", PICTURE).size == PICTURE.size
    words, with_picture = maps.sheet(), maps.sheet(PICTURE)
    assert with_picture.width - words.width == TILE_SIDE * 3 // 2 + 12
    assert maps.sheet(PICTURE, overlays=True).size == with_picture.size
    assert maps.sheet(PICTURE, overlays=True).tobytes() != with_picture.tobytes()


def test_a_row_a_resolution():
    one, two = some_maps(((4, 6),)).sheet(), some_maps(((4, 6), (8, 12))).sheet()
    assert two.height > one.height + TILE_SIDE


def test_many_words_go_on_in_another_row():
    maps = some_maps()
    many = type(maps)(
        maps.info.__class__(**{**maps.info.__dict__, "words": tuple(map(str, range(12))), "tokens": ((1,),) * 12}),
        (np.repeat(maps.arrays[0], 4, axis=0),),
    )
    assert many.sheet().width == maps.sheet().width + 3 * (TILE_SIDE * 3 // 2 + 12)
    assert many.sheet().height > maps.sheet().height + TILE_SIDE


def test_one_scale_for_all_words_darkens_those_that_are_seen_less():
    maps = some_maps()
    maps.arrays[0][0] *= 0.1
    tile = (slice(24, 24 + TILE_SIDE), slice(24, 24 + TILE_SIDE))
    own, shared = (np.asarray(maps.sheet(shared_scale=s), float)[tile].mean() for s in (False, True))
    assert shared < own / 2


def test_steps_are_shown_apart_and_at_most_ten():
    assert some_maps(steps=30).steps_sheet().size == some_maps(steps=10).steps_sheet().size
    assert some_maps(steps=1).steps_sheet().width < some_maps(steps=10).steps_sheet().width
    with pytest.raises(SettingsError, match="per_step=True"):
        some_maps(per_step=False).steps_sheet()


def test_components_are_colours():
    maps = some_maps()
    assert maps.components_picture().size == (48, 32)
    maps.components[0, :2] += 100
    red = np.asarray(maps.components_picture())[..., 0]
    assert red[:8].mean() > 200 > 60 > red[-8:].mean()
    with pytest.raises(SettingsError, match="self_components=3"):
        some_maps(components=2).components_picture()


def test_saving_writes_everything_that_was_asked(tmp_path):
    paths = some_maps().save(tmp_path, PICTURE)
    words = ["1-a", "2-dog", "3-cat-1"]
    files = {"maps.npz", "words.png", "overlays.png", "steps.png", "self-components.png"}
    files |= {f"{word}{kind}.png" for word in words for kind in ("", "-overlay")}
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()} == files
    for path in paths[1:]:
        with Image.open(path) as image:
            assert image.mode == "RGB"
    few = some_maps(((8, 12), (4, 6)), per_step=False, components=0).save(tmp_path / "few", PICTURE)
    assert [path.name for path in few] == ["maps.npz", "words.png", "overlays.png"]


@pytest.mark.parametrize("overlays", [False, True])
def test_the_same_maps_are_the_same_picture(overlays):
    assert (
        some_maps().sheet(PICTURE, overlays=overlays).tobytes()
        == some_maps().sheet(PICTURE, overlays=overlays).tobytes()
    )
