"""Means and their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush_bench.bootstrap import mean_of


def test_the_interval_is_that_of_a_known_distribution():
    """Of many draws the interval is the normal one: 1.96 standard errors on each side."""
    values = np.random.default_rng(1).normal(5, 2, 400)
    mean = mean_of(list(values))
    error = values.std() / 20
    assert mean.value == pytest.approx(values.mean())
    assert mean.value - mean.low == pytest.approx(1.96 * error, rel=0.1)
    assert mean.high - mean.value == pytest.approx(1.96 * error, rel=0.1)


def test_it_is_the_same_each_time_and_none_of_none():
    assert mean_of([0.0, 1.0, 1.0]) == mean_of([0.0, 1.0, 1.0])
    assert mean_of([]) is None


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_the_mean_lies_in_its_interval_and_that_among_the_values(values):
    mean = mean_of(values)
    slack = 1e-9
    assert min(values) - slack <= mean.low <= mean.high <= max(values) + slack
    assert mean.count == len(values)
