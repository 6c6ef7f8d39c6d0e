"""Sources and their edits, put into batches of the model that are full."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """Edits `start` to `stop` of the source of a place, which run in one batch with that source."""

    source: int
    start: int
    stop: int


def full_batches(edits: Sequence[int], pictures: int) -> list[list[Share]]:
    """Fill batches of so many pictures with sources in order, each with its number of edits.

    A batch has a source once, with as many of its edits as there is room for; those that are left come in the next
    one, where their source is drawn again. That is one picture more, and never less than the room that it saves.

    >>> [[(share.source, share.stop - share.start) for share in batch] for batch in full_batches([4, 4, 4], 10)]
    [[(0, 4), (1, 4)], [(2, 4)]]
    >>> [[(share.source, share.stop - share.start) for share in batch] for batch in full_batches([4, 4], 8)]
    [[(0, 4), (1, 2)], [(1, 2)]]
    """
    batches: list[list[Share]] = []
    room = 0
    for source, count in enumerate(edits):
        at = 0
        while at < count:
            if room < 2:  # a source and an edit
                batches.append([])
                room = pictures
            stop = min(count, at + room - 1)
            batches[-1].append(Share(source, at, stop))
            room -= 1 + stop - at
            at = stop
    return batches
