"""How long a run will still take, from what its rows took so far."""

from collections.abc import Sequence

from wordbrush_bench.case import Case
from wordbrush_bench.method import Method


class Remaining:
    """Told of each row as it comes, it knows what the rest costs once every method ran on every origin.

    >>> remaining = Remaining([], [])
    >>> remaining.seconds
    0.0
    """

    def __init__(self, cases: Sequence[Case], methods: Sequence[Method]) -> None:
        """Of a run of these."""
        self._left: dict[tuple[str, str], int] = {}
        for case in cases:
            for method in methods:
                key = (method.name, case.origin)
                self._left[key] = self._left.get(key, 0) + 1
        self._took: dict[tuple[str, str], list[float]] = {}

    def row(self, method: str, origin: str, seconds: float | None) -> None:
        """A row came after so many seconds; None: it was there from before, or there is none for such cases."""
        key = (method, origin)
        self._left[key] -= 1
        if seconds is not None:
            self._took.setdefault(key, []).append(seconds)

    @property
    def seconds(self) -> float | None:
        """What the rest takes; None while a method that is not through is unknown."""
        left = {key: count for key, count in self._left.items() if count}
        if any(key not in self._took for key in left):
            return None
        return float(sum(count * sum(self._took[key]) / len(self._took[key]) for key, count in left.items()))
