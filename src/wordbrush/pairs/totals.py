"""What came of the rows of a set so far, counted."""

from collections import Counter
from dataclasses import dataclass, field

from wordbrush.pairs.part import Outcome


@dataclass
class Totals:
    """Counts: `rows` in the file, `done` of them, `errors` among those, `made` in this run; `tries`, `pairs`, and the
    tries that are no pairs, by reason.
    """

    rows: int
    done: int = 0
    made: int = 0
    errors: int = 0
    tries: int = 0
    pairs: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count a row."""
        self.done += 1
        self.errors += outcome.error is not None
        self.tries += outcome.tries
        self.pairs += outcome.kept
        self.rejected.update(outcome.rejected or {})
