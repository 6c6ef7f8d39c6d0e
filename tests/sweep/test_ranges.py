import math
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.errors import SettingsError
from wordbrush.sweep.ranges import MAX_VALUES, parse_range, parse_whole_range

hundredths = st.integers(-1000, 1000)


def written(number: int) -> str:
    return f"{number / 100:.2f}"


@given(hundredths, st.integers(0, 60), st.integers(-300, 300).filter(bool))
def test_a_range_has_the_values_that_one_counts_and_both_its_ends(start: int, count: int, step: int) -> None:
    stop = start + count * step
    values = parse_range(f"{written(start)}:{written(stop)}:{written(step)}", "x")
    assert values == tuple((start + step * i) / 100 for i in range(count + 1))  # as one writes them: no float dust


@given(hundredths, st.integers(0, 60), st.integers(2, 300), st.data())
def test_a_stop_that_is_not_met_is_left_out(start: int, count: int, step: int, data: st.DataObject) -> None:
    short = data.draw(st.integers(1, step - 1))
    values = parse_range(f"{written(start)}:{written(start + count * step + short)}:{written(step)}", "x")
    assert len(values) == count + 1
    assert Fraction(str(values[-1])) == Fraction(start + count * step, 100)


@given(st.lists(hundredths, min_size=1, max_size=9, unique=True))
def test_lists_keep_their_order(numbers: list[int]) -> None:
    assert parse_range(" , ".join(map(written, numbers)), "x") == tuple(n / 100 for n in numbers)


def test_the_examples_of_the_help() -> None:
    assert parse_range("0:1:0.2", "x") == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert parse_range("-2:8:2", "x") == (-2.0, 0.0, 2.0, 4.0, 6.0, 8.0)
    assert parse_range("0,0.5:1:0.25", "x") == (0.0, 0.5, 0.75, 1.0)
    assert parse_range("1e-1", "x") == (0.1,)
    assert parse_whole_range("1:3,10:0:-5", "x") == (1, 2, 3, 10, 5, 0)
    assert parse_whole_range(str(2**63 - 1), "x") == (2**63 - 1,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not numbers or a range; write for example 0,0.5,1 or 0:1:0.2"),
        ("a", "is not numbers"),
        ("0:1", "is not numbers"),
        ("0:1:2:3", "is not numbers"),
        ("0:1:", "is not numbers"),
        ("1,,2", "is not numbers"),
        ("nan", "is not numbers"),
        ("inf", "is not numbers"),
        ("1e999999999", "is not numbers"),
        ("٣", "is not numbers"),
        ("0:1:0", "has a step of 0"),
        ("0:1:-0.1", "never gets from its start to its stop"),
        ("0:1:1e-9", f"more than {MAX_VALUES} values"),
        ("0:1e99:1", f"more than {MAX_VALUES} values"),
        ("0,0.5,0", "has 0 twice"),
        ("0:1:0.5,1", "has 1 twice"),
        ("9" * 5000, "is not numbers"),
    ],
)
def test_what_is_no_range_is_refused_in_a_short_line(text: str, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_range(text, "--cross-steps")
    assert why in str(caught.value)
    assert str(caught.value).startswith("--cross-steps '")
    assert len(str(caught.value)) < 180


@pytest.mark.parametrize("text", ["1.5", "0:2:0.5", "1:2:"])
def test_seeds_are_whole(text: str) -> None:
    with pytest.raises(SettingsError, match="1,2,3 or 1:5"):
        parse_whole_range(text, "--seeds")


@given(st.text("0123456789:,.-+e x", max_size=12))
def test_any_text_is_numbers_or_refused(text: str) -> None:
    with suppress(SettingsError):
        assert all(map(math.isfinite, parse_range(text, "x")))
