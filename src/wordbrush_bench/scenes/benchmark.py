"""The scenes benchmark, run."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from wordbrush.editor import Editor
from wordbrush.scenes.judge.judge import WEIGHTS, Judge
from wordbrush_bench.case import Case
from wordbrush_bench.facts import depends_on
from wordbrush_bench.journal import Row
from wordbrush_bench.method import Method
from wordbrush_bench.runner import run_benchmark
from wordbrush_bench.scenes.cases import SEED
from wordbrush_bench.scenes.meters import scene_meters


def run_scenes(editor: Editor, cases: Sequence[Case], methods: Sequence[Method], folder: Path) -> Iterator[Row]:
    """Run methods on cases, measure, and keep each row in the folder's journal; gives rows as they come.

    Raises `RecordError` when the folder holds the journal of another run, or a broken one.
    """
    meters = scene_meters(Judge.load())
    made_with = {
        **depends_on(editor, "scenes"),
        "seed": SEED,
        "judge": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16],
    }
    yield from run_benchmark(cases, methods, meters, folder, made_with)
