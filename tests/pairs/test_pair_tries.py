"""Tries are drawn by a hash: always the same, evenly, each target with windows of its own."""

import pytest

from wordbrush.edits.settings import EditSettings
from wordbrush.errors import SettingsError
from wordbrush.pairs.row import check_row
from wordbrush.pairs.tries import Sampling, chosen, drawn, of_tries, seeds_of

TWO = EditSettings.of(["a cat", "a fox"], cross_replace_steps={"a": 0.2, "default_": 0.8})


def test_draws_are_even():
    draws = [drawn("row", i) for i in range(4000)]
    counts = [sum(low <= 10 * draw < low + 1 for draw in draws) for low in range(10)]
    assert min(counts) > 320  # 400 each, 19 of standard deviation
    assert max(counts) < 480
    assert draws[:2] == [drawn("row", 0), drawn("row", 1)]


def test_each_try_has_its_own_windows_and_words_keep_theirs():
    edit = of_tries(TWO, "f00", 1, Sampling(tries=3, self_range=(0.2, 0.6)))
    assert edit.targets == ("a cat",) * 3 + ("a fox",) * 3
    ends = [(own.cross_replace_steps["default_"][1], own.self_replace_steps[1]) for own in edit.controls]
    assert len(set(ends)) == 6
    assert all(0.1 <= cross <= 0.9 and 0.2 <= held <= 0.6 for cross, held in ends)
    assert {own.cross_replace_steps["a"] for own in edit.controls} == {(0.0, 0.2)}


def test_some_of_the_tries_have_their_own_settings_still():
    edit = of_tries(TWO, "f00", 1, Sampling(tries=2))
    part = chosen(edit, [1, 3])
    assert part.targets == ("a cat", "a fox")
    assert part.controls == (edit.controls[1], edit.controls[3])
    assert chosen(edit, [2]).own == ()
    assert chosen(edit, [2]).controls == (edit.controls[2],)


def test_without_ranges_a_try_is_the_edit_itself():
    assert of_tries(TWO, "f00", 1, Sampling(tries=1, cross_range=None)) == TWO


def test_seeds_follow_the_rows_own_and_else_are_drawn():
    own, other = check_row(1, {"source": "a", "target": "b", "seed": 5}), check_row(1, {"source": "a", "target": "b"})
    assert seeds_of(own, "f00", 3) == (5, 6, 7)
    assert len(set(seeds_of(other, "f00", 3))) == 3
    assert seeds_of(other, "f00", 3) != seeds_of(other, "f01", 3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tries": 0}, "tries is 0"),
        ({"seeds": 5000}, "seeds is 5000"),
        ({"cross_range": (0.5, 0.1)}, "cross_range is 0.5..0.1"),
        ({"cross_range": (0.5, 1.1)}, "cross_range is 0.5..1.1"),
        ({"tries": 2, "cross_range": None}, "nothing differs"),
    ],
)
def test_what_cannot_be_is_refused(options, reason):
    with pytest.raises(SettingsError, match=reason):
        Sampling(**options)
