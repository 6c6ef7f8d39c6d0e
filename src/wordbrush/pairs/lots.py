"""Rows that are made together: of one shard, with the same steps, size and adapters, as many as fill batches."""

import json
from collections.abc import Iterable, Iterator

from wordbrush.json_form import to_plain
from wordbrush.pairs.making import Making
from wordbrush.pairs.row import PairRow

Job = tuple[PairRow, str]
"""A row, and its address."""
Lot = tuple[Job, ...]
"""Rows that one worker makes in one go."""

MOST_BATCHES = 4
"""A lot whose pictures do not come out even is this large: what a stop loses, and what a worker holds, is bounded."""
_SHARED = (
    "num_inference_steps",
    "size",
    "guidance_scale",
    "guidance_interval",
    "sampler",
    "source_adapters",
    "target_adapters",
)
"""The options that all pictures of a batch have in common."""


def lots_of(jobs: Iterable[Job], making: Making) -> Iterator[Lot]:
    """Group rows, in their order. What is in a lot depends on the rows alone: whatever else was made already, by whom
    and in which order, a run that goes on makes the same lots.
    """
    opened: dict[str, list[Job]] = {}
    pictures: dict[str, int] = {}
    for job in jobs:
        row = job[0]
        key = _key(row, making)
        opened.setdefault(key, []).append(job)
        pictures[key] = pictures.get(key, 0) + pictures_of(row, making)
        if pictures[key] % making.batch == 0 or pictures[key] >= MOST_BATCHES * making.batch:
            yield tuple(opened.pop(key))
            del pictures[key]
    yield from map(tuple, opened.values())


def pictures_of(row: PairRow, making: Making) -> int:
    """How many pictures a row takes: each source, and its tries."""
    sampling = making.sampling.beside(row.options)
    return sampling.seeds * (1 + len(row.targets) * sampling.tries)


def _key(row: PairRow, making: Making) -> str:
    options = {**making.options, **row.options}
    shared = {name: to_plain(options[name]) for name in _SHARED if name in options}
    return json.dumps([shared, None if row.photo is None else row.number], sort_keys=True)
