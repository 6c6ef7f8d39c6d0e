import pytest
from PIL import Image, ImageChops, ImageFont

from wordbrush.views.visualise import comparison

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


def test_captions_are_written_below_and_wrap_within_their_picture() -> None:
    short = comparison([[("a dog", patch(RED)), ("b", patch(BLUE))]])
    blank = comparison([[("", patch(RED)), ("", patch(BLUE))]])
    assert ImageChops.difference(
        short.crop((0, 275, short.width, 290)), blank.crop((0, 275, short.width, 290))
    ).getbbox()
    for caption in ("a dog eating an apple " * 5, "m" * 200):
        sheet = comparison([[(caption, patch(RED)), ("", patch(BLUE))]])
        assert sheet.height > short.height
        right_half = sheet.crop((14 + 256 + 7, 280, sheet.width, sheet.height))
        assert right_half.getcolors() == [(right_half.width * right_half.height, (255, 255, 255))]


def test_a_white_picture_is_told_from_the_paper() -> None:
    white = (255, 255, 255)
    assert comparison([[("", patch(white))]]).getextrema() != ((255, 255),) * 3


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_other_modes_are_shown(mode: str) -> None:
    assert comparison([[("a", Image.new(mode, (64, 64)))]]).mode == "RGB"


def test_the_built_in_font_scales() -> None:
    assert isinstance(ImageFont.load_default(size=15), ImageFont.FreeTypeFont)
