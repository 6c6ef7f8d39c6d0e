"""How fast a set is being made, and what is left."""

import time
from collections.abc import Callable

from wordbrush.pairs.totals import Totals


class Pace:
    """Rates since a start: of rows, of pairs; and the seconds that the rest takes at this rate."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start now."""
        self._clock, self._started = clock, clock()
        self._pairs_before: int | None = None

    def of(self, totals: Totals) -> dict[str, object]:
        """The counts with their rates, as JSON; a rate is None before a row was made.

        >>> times = iter([0.0, 0.0, 60.0])
        >>> pace = Pace(lambda: next(times))
        >>> pace.of(Totals(10))["eta_seconds"] is None
        True
        >>> said = pace.of(Totals(10, done=5, made=5, pairs=20))
        >>> said["pairs_per_minute"], said["eta_seconds"]
        (20.0, 60)
        """
        elapsed = self._clock() - self._started
        if not totals.made:
            self._pairs_before = totals.pairs
        pairs = totals.pairs - (self._pairs_before or 0)
        measured = totals.made > 0 and elapsed > 0
        return {
            "rows": totals.rows,
            "done": totals.done,
            "errors": totals.errors,
            "tries": totals.tries,
            "pairs": totals.pairs,
            "rejected": dict(sorted(totals.rejected.items())),
            "seconds": round(elapsed, 1),
            "rows_per_minute": round(60 * totals.made / elapsed, 2) if measured else None,
            "pairs_per_minute": round(60 * pairs / elapsed, 2) if measured else None,
            "eta_seconds": round((totals.rows - totals.done) * elapsed / totals.made) if measured else None,
        }
