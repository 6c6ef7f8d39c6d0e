"""What a set will cost, from making its first rows."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wordbrush.pairs.captions import read_captions
from wordbrush.pairs.factory import checked_rows
from wordbrush.pairs.lots import lots_of
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making
from wordbrush.pairs.part import Outcome, Part

FIRST = 20
"""How many rows are made to tell."""


@dataclass(frozen=True)
class Estimate:
    """Of a file of `rows`, what the `looked_at` first tell: `errors` among them, `pairs`, `seconds` and `bytes`."""

    rows: int
    looked_at: int
    errors: Mapping[int, str]
    pairs: int
    seconds: float
    bytes: int

    def lines(self, workers: int) -> list[str]:
        """The estimate in words, for so many workers as fast as this one.

        >>> Estimate(1000, 20, {3: "the line is empty"}, 38, 95.0, 2_000_000).lines(2)[1]
        'all: about 1900 pairs, 40 minutes with 2 workers, 100 MB'
        """
        scale = self.rows / self.looked_at
        size = self.bytes * scale
        amount = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
        took = _duration(self.seconds * scale / workers)
        beside = f"{workers} workers" if workers > 1 else "1 worker"
        return [
            f"{self.rows} rows; the first {self.looked_at}: {len(self.errors)} errors, {self.pairs} pairs, "
            f"{self.seconds:.0f} s, {self.bytes / 1e6:.1f} MB",
            f"all: about {self.pairs * scale:.0f} pairs, {took} with {beside}, {amount}",
            *(f"row {number}: {error}" for number, error in self.errors.items()),
        ]


def estimate(
    captions: Path, maker: PairMaker, making: Making, clock: Callable[[], float] = time.monotonic
) -> Estimate:
    """Make the first rows of a file, and write nothing. Raises `DataError` for a file that cannot be read."""
    rows = sum(1 for _ in read_captions(captions))
    started, errors, pairs, size, looked_at = clock(), dict[int, str](), 0, 0, 0
    entries = list(islice(checked_rows(captions, making.depends_on(), making.photos), FIRST))
    parts = [Part(entry) for entry in entries if isinstance(entry, Outcome)]
    for lot in lots_of((entry for entry in entries if not isinstance(entry, Outcome)), making):
        parts += map(Part.of_bytes, maker(lot))
    for part in sorted(parts, key=lambda part: part.outcome.row):
        looked_at += 1
        if part.outcome.error is not None:
            errors[part.outcome.row] = part.outcome.error
        pairs += part.outcome.kept
        size += sum(len(content) for sample in part.samples for _, content in sample.files())
    return Estimate(rows, max(1, looked_at), errors, pairs, clock() - started, size)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
