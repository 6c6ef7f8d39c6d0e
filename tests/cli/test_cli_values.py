import pytest

from wordbrush.cli.values import by_word, number, picture_size
from wordbrush.errors import SettingsError


def weights(*values: str) -> dict[str, float]:
    return by_word("--weight", values, number, "WORD=NUMBER", "red=2.0")


@pytest.mark.parametrize("value", ["red", "red=", "red=x", "=2", " =2", "", "red=2=", "red 2"])
def test_what_is_not_word_and_number_is_shown_how(value: str) -> None:
    with pytest.raises(SettingsError, match=rf"--weight '{value}' is not WORD=NUMBER; .* --weight red=2\.0"):
        weights(value)


@pytest.mark.parametrize("second", ["cat=3", "Cat=3", " cat = 2"])
def test_a_word_twice_is_refused(second: str) -> None:
    with pytest.raises(SettingsError, match="twice"):
        weights("cat=2", second)


def test_words_may_hold_spaces_and_choose_an_occurrence() -> None:
    assert weights("teddy bear=2", "cat[1]=-.5") == {"teddy bear": 2.0, "cat[1]": -0.5}


@pytest.mark.parametrize(
    "value", ["-5", "0", "big", "", "32x", "x32", "1x2x3", "3.5", "1e3", "²", "1234567", "9" * 5000]
)
def test_what_is_no_size_is_refused_in_a_short_line(value: str) -> None:
    with pytest.raises(SettingsError, match="is not a size") as caught:
        picture_size(value)
    assert len(str(caught.value)) < 120


def test_sizes_are_height_then_width() -> None:
    assert picture_size("512") == (512, 512)
    assert picture_size("512X768") == (512, 768)
    assert picture_size(None) is None
