"""Engines: whatever dies, each row is made, and one that kills its worker is given up alone."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.pair_sets import ROWS, contents, write_rows
from wordbrush.errors import ModelError
from wordbrush.pairs import local
from wordbrush.pairs.factory import Task, checked_rows, make_set
from wordbrush.pairs.local import in_processes, in_this_process
from wordbrush.pairs.lots import lots_of
from wordbrush.pairs.part import Outcome, Part

TESTS = Path(__file__).parents[1]


def lots_in(task: Task) -> list:
    """All rows as lots, two in each."""
    rows = checked_rows(task.captions, task.making.depends_on())
    return list(lots_of((row for row in rows if not isinstance(row, Outcome)), task.making))


@pytest.fixture
def task(making, tmp_path) -> Task:
    rows = [{**row, "seed": seed} for seed in range(4) for row in (ROWS[0], ROWS[2])]
    return Task(write_rows(tmp_path / "rows.jsonl", rows), tmp_path / "set", making, shard_rows=3)


def test_rows_are_made_a_few_ahead_and_no_more(task, known_parts):
    """What is made and not yet saved is what a stop loses: it is bounded."""
    taken = []

    def lots():
        for lot in lots_in(task):
            taken.append(lot)
            yield lot

    parts = in_this_process(lambda lot: list(known_parts([lot])))(lots())
    next(parts)
    assert len(taken) == local.AHEAD
    assert len(list(parts)) == 7


def test_an_error_of_loading_is_one_error_and_no_rows(task):
    """A process that cannot load its model says why. Starts a process, which takes seconds."""
    wrong = replace(task.making, model=replace(task.making.model, fingerprint="0" * 64))
    with pytest.raises(ModelError, match="copy the same weights"):
        list(in_processes(wrong, 1)(lots_in(task)))


@pytest.mark.slow
def test_a_row_that_kills_its_worker_is_given_up_and_the_others_are_made(task, monkeypatch):
    """The worker is killed from outside, each time that it has the row."""
    lots = lots_in(task)
    assert len(lots[1]) > 1
    marked = lots[1][0][0].number
    really_submit = local.ProcessPoolExecutor.submit

    def submit(self, function, lot):
        return really_submit(self, _die if marked in {row.number for row, _ in lot} else function, lot)

    monkeypatch.setattr(local.ProcessPoolExecutor, "submit", submit)
    outcomes = [Part.of_bytes(part).outcome for part in in_processes(task.making, 2)(lots)]
    assert sorted(outcome.row for outcome in outcomes) == [row.number for lot in lots for row, _ in lot]
    assert [outcome.row for outcome in outcomes if outcome.error] == [marked]
    assert "ended 3 workers" in next(outcome.error for outcome in outcomes if outcome.error)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


RAY = """
import sys
from pathlib import Path
from helpers.pair_sets import making_of
from wordbrush import Editor
from wordbrush.pairs.factory import Task, make_set
from wordbrush.pairs.on_ray import on_ray

folder, captions, out = map(Path, sys.argv[1:])
making = making_of(folder, Editor.from_pretrained(folder, keep_bytes=0))
print(make_set(Task(captions, out, making, shard_rows=3), on_ray(making, 1)))
"""


@pytest.mark.slow
def test_ray_makes_the_same_bytes_although_its_workers_are_killed(task, known_parts, tiny_folder, tmp_path):
    """Starts a local Ray, which takes a minute or more; every few seconds the actor that works is killed."""
    pytest.importorskip("ray")
    make_set(task, known_parts)
    other = replace(task, out=tmp_path / "other")
    script = tmp_path / "on_ray.py"
    script.write_text(RAY)
    paths = os.pathsep.join([str(Path(local.__file__).parents[2]), str(TESTS)])
    environment = {**os.environ, "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    environment["RAY_worker_niceness"] = "0"  # else a busy machine gives its workers no time
    arguments = [str(tiny_folder), str(task.captions), str(other.out)]
    with subprocess.Popen(
        [sys.executable, str(script), *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        killed = 0
        while process.poll() is None:
            time.sleep(5)
            if killed < 3:
                killed += kill_an_actor(process.pid)
    assert process.returncode == 0
    assert killed > 0
    assert contents(other) == contents(task)


def kill_an_actor(driver: int) -> int:
    """Kill an actor that makes pairs, of this driver's Ray; how many were there."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title, ancestors = (folder / "cmdline").read_text(), ancestors_of(int(folder.name))
        except (OSError, ValueError):
            continue
        if title.startswith("ray::") and "MapBatches(Actor)" in title and driver in ancestors:
            os.kill(int(folder.name), signal.SIGKILL)
            return 1
    return 0


def ancestors_of(process: int) -> list[int]:
    found = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(process)
    return found
