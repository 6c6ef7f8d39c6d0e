"""The scenes benchmark, run."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from wordbrush.editor import Editor
from wordbrush.evaluation.case import Case
from wordbrush.evaluation.facts import depends_on
from wordbrush.evaluation.journal import Row
from wordbrush.evaluation.method import Method
from wordbrush.evaluation.runner import run_benchmark
from wordbrush.evaluation.scenes.cases import SEED
from wordbrush.evaluation.scenes.meters import BackgroundMeter, JudgeMeter, PerfectMeter
from wordbrush.scenes.judge.judge import WEIGHTS, Judge


def run_scenes(editor: Editor, cases: Sequence[Case], methods: Sequence[Method], folder: Path) -> Iterator[Row]:
    """Run methods on cases, measure, and keep each row in the folder's journal; gives rows as they come.

    Raises `RecordError` when the folder holds the journal of another run, or a broken one.
    """
    judge = Judge.load()
    meters = (JudgeMeter(judge), BackgroundMeter(judge), PerfectMeter())
    made_with = {
        **depends_on(editor, "scenes"),
        "seed": SEED,
        "judge": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16],
    }
    yield from run_benchmark(cases, methods, meters, folder, made_with)
