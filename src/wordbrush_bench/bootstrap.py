"""Means with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SEED = 0
DRAWS = 2000


@dataclass(frozen=True)
class Mean:
    """A mean over `count` cases and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    count: int


def mean_of(values: Sequence[float]) -> Mean | None:
    """The mean and its interval by the percentile bootstrap (Efron 1979), the same draws each time; None of none.

    >>> mean_of([1.0, 1.0, 1.0])
    Mean(value=1.0, low=1.0, high=1.0, count=3)
    """
    if not values:
        return None
    given = np.asarray(values, np.float64)
    rng = np.random.default_rng(SEED)
    drawn = given[rng.integers(0, len(given), (DRAWS, len(given)))].mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Mean(float(given.mean()), float(low), float(high), len(given))
