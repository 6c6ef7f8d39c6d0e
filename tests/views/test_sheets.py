import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import ColourScale, comparison, draw_sheet
from wordbrush.views.typeset import INK

RED, BLUE = (200, 30, 30), (30, 30, 200)


def patch(color: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, color)


def area(sheet: Image.Image, color: tuple[int, int, int]) -> int:
    return next((count for count, found in sheet.getcolors(1 << 24) or [] if found == color), 0)


def test_small_pictures_grow_by_a_whole_factor_and_large_ones_stay() -> None:
    assert area(comparison([[("a", patch(RED))]]), RED) == 256 * 256
    assert area(comparison([[("a", patch(RED, (100, 100)))]]), RED) == 300 * 300
    assert area(comparison([[("a", patch(RED, (300, 400)))]]), RED) == 300 * 400


def test_every_picture_of_every_row_is_there_side_by_side() -> None:
    row = [("source", patch(RED)), ("edit", patch(BLUE))]
    one, two = comparison([row]), comparison([row, row])
    assert area(two, RED) == area(two, BLUE) == 2 * 256 * 256
    assert two.width == one.width
    assert two.height > 2 * 256


def found(sheet: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of a colour, which must be there."""
    ys, xs = np.where((np.asarray(sheet) == color).all(axis=2))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def test_captions_are_written_below_and_wrap_within_their_picture() -> None:
    short = comparison([[("a dog", patch(RED)), ("", patch(BLUE))]])
    left, _, right, bottom = found(short, RED)
    text = found(short, INK)
    assert left <= text[0] < text[2] <= right
    assert bottom < text[1] < text[3] < short.height
    for caption in ("a dog eating an apple " * 5, "m" * 200):
        sheet = comparison([[(caption, patch(RED)), ("", patch(BLUE))]])
        assert sheet.height > short.height
        assert found(sheet, INK)[2] <= right


def test_names_and_labels_stand_beside_and_above_their_pictures() -> None:
    red, blue = Captioned(patch(RED)), Captioned(patch(BLUE))
    plain = draw_sheet([PictureGrid([Strip([red, blue])])])
    named = PictureGrid([Strip([red, blue], "1")], row_name="seed", column_name="weight", column_labels=("2", "4"))
    sheet = draw_sheet([named])
    assert found(sheet, RED)[0] > found(plain, RED)[0]
    assert found(sheet, RED)[1] > found(plain, RED)[1]
    box = found(sheet, INK)
    assert box[0] < found(sheet, RED)[0]
    assert box[1] < found(sheet, RED)[1]
    assert found(sheet, RED)[2] < found(sheet, BLUE)[0]


def test_references_stand_in_front_and_rows_share_their_tops() -> None:
    strips = [Strip([Captioned(patch(BLUE), "one")], "0", [Captioned(patch(RED))]), Strip([Captioned(None)], "1")]
    sheet = draw_sheet([PictureGrid(strips)])
    assert found(sheet, RED)[2] < found(sheet, BLUE)[0]
    assert found(sheet, RED)[1] == found(sheet, BLUE)[1]


words = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=40)


@settings(max_examples=30, deadline=None)
@given(words, words, words, words, words, st.integers(1, 4), st.integers(10, 70))
def test_nothing_is_cut(title, caption, label, name, column, count, side) -> None:
    """Whatever is written: the margin all around stays white."""
    picture = Captioned(patch(RED, (side, side)), caption, caption)
    strips = [Strip([picture] * count, label, [picture])] * 2
    grid = PictureGrid(strips, title=title, row_name=name, column_name=name, column_labels=[column] * count)
    sheet = np.asarray(draw_sheet([grid], title=title, notes=caption, colours=ColourScale("low", "high")))
    inside = np.zeros(sheet.shape[:2], bool)
    inside[12:-12, 12:-12] = True
    assert (sheet[~inside] == 255).all()


def test_a_white_picture_is_told_from_the_paper() -> None:
    white = (255, 255, 255)
    assert comparison([[("", patch(white))]]).getextrema() != ((255, 255),) * 3


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_other_modes_are_shown(mode: str) -> None:
    assert comparison([[("a", Image.new(mode, (64, 64)))]]).mode == "RGB"


def test_the_built_in_font_scales() -> None:
    assert isinstance(ImageFont.load_default(size=15), ImageFont.FreeTypeFont)
