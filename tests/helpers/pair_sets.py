"""Small sets of pairs, made by a real tiny model, and what their folders hold."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from wordbrush import Editor
from wordbrush.pairs.factory import Engine, Task
from wordbrush.pairs.filters import Filters
from wordbrush.pairs.lots import Lot
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making, ModelChoice
from wordbrush.pairs.tries import Sampling

ROWS = (
    {"source": "a dog eating an apple", "target": "a cat eating an apple", "instruction": "make it a cat"},
    {"source": "a cat on the mat"},
    {"source": "a red car", "target": "a big car", "id": "mine"},
    {"source": "a dog in the street", "target": "a bear in the street"},
    {"source": "a dog eating an apple", "target": "a cat eating an apple", "instruction": "make it a cat"},
)
"""Five: the second is malformed, the last repeats the first."""

LENIENT = Filters(min_done=0.0, min_kept=-1, min_difference=0.0)
"""Whatever a model with random weights does is a pair."""


def write_rows(path: Path, rows: Iterable[object] = ROWS) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def making_of(folder: Path, editor: Editor, filters: Filters = LENIENT, tries: int = 1) -> Making:
    model = ModelChoice(str(folder), editor.model.fingerprint, "cpu", "float32")
    options = {"num_inference_steps": 2, "self_replace_steps": 0.5}
    return Making(model, options, Sampling(tries=tries), filters, batch=4)


class KnownParts:
    """An engine of parts that a maker made once: what is tested is how they are kept."""

    def __init__(self, maker: PairMaker) -> None:
        self._maker = maker
        self._parts: dict[tuple[tuple[int, str], ...], list[bytes]] = {}

    def __call__(self, lots: Iterable[Lot]) -> Iterator[bytes]:
        for lot in lots:
            key = tuple((row.number, address) for row, address in lot)
            if key not in self._parts:
                self._parts[key] = self._maker(lot)
            yield from self._parts[key]


def reversed_order(engine: Engine) -> Engine:
    """The same parts, the last first, and each twice."""

    def run(lots: Iterable[Lot]) -> Iterator[bytes]:
        for part in list(engine(lots))[::-1]:
            yield part
            yield part

    return run


def contents(task: Task) -> dict[str, bytes]:
    """Every file of a finished set but its journal, which has the order of things."""
    files = (path for path in task.out.rglob("*") if path.is_file())
    return {str(p.relative_to(task.out)): p.read_bytes() for p in sorted(files) if p.name != "journal.jsonl"}
