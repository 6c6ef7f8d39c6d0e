"""Rows of a benchmark as they come, with their progress and the time that is left."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wordbrush.cli.output import say
from wordbrush.cli.progress import Progress

if TYPE_CHECKING:
    from wordbrush_bench.case import Case
    from wordbrush_bench.journal import Row
    from wordbrush_bench.method import Method


def measured(
    rows: "Iterable[Row]", cases: "Sequence[Case]", methods: "Sequence[Method]", quiet: bool
) -> "Iterator[Row]":
    """Pass rows on as they are measured, and say once, as soon as it can be told, how long the rest takes."""
    from wordbrush_bench.remaining import Remaining

    remaining, told, since = Remaining(cases, methods), False, time.monotonic()
    with Progress("measuring", quiet) as progress:
        for done, row in enumerate(rows, start=1):
            now = time.monotonic()
            elapsed, since = now - since, now
            # One that is read from the journal comes faster than it was made.
            measured_now = row.refused is None and elapsed >= row.values.get("seconds", 0.0)
            remaining.row(row.method, row.origin, elapsed if measured_now else None)
            yield row
            progress(done, len(cases) * len(methods))
            left = remaining.seconds
            if not told and left is not None:
                say(f"about {left / 60:.0f} min to go", quiet)
                told = True
