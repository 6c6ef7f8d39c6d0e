"""A set that was stopped anywhere goes on: nothing lost, nothing doubled, the bytes of a run that was not stopped."""

import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.crash import child_that_dies, child_that_is_killed
from helpers.pair_sets import ROWS, KnownParts, contents, reversed_order, write_rows
from wordbrush.errors import OutputError, RecordError
from wordbrush.pairs.factory import Task, make_set
from wordbrush.pairs.local import in_this_process
from wordbrush.pairs.sample import read_tar


@pytest.fixture(scope="module")
def captions(tmp_path_factory) -> Path:
    return write_rows(tmp_path_factory.mktemp("captions") / "rows.jsonl")


@pytest.fixture
def task_in(captions, making):
    """A task in a folder: two rows a shard."""
    return lambda out, **changes: replace(Task(captions, out, making, shard_rows=2), **changes)


def test_a_set_has_every_pair_once_and_says_what_became_of_the_rows(task_in, known_parts, tmp_path):
    task = task_in(tmp_path / "set")
    totals = make_set(task, known_parts)
    assert (totals.rows, totals.errors, totals.pairs) == (5, 2, 3)
    made = contents(task)
    keys = [name for shard in ("00000", "00001", "00002") for name, _ in read_tar(made[f"data/{shard}.tar"])]
    assert len(keys) == len(set(keys)) == 3 * 3
    assert [line.split(b'"row": ')[1][:1] for line in made["errors.jsonl"].splitlines()] == [b"2", b"5"]
    assert not [name for name in made if name.startswith("parts/")]
    assert {"manifest.json", "DATASHEET.md", "contact-sheet.png"} < made.keys()


def test_the_order_of_workers_and_what_they_make_twice_change_no_byte(task_in, known_parts, tmp_path):
    one, other = task_in(tmp_path / "one"), task_in(tmp_path / "other")
    make_set(one, known_parts)
    make_set(other, reversed_order(known_parts))
    assert contents(one) == contents(other)


def test_a_finished_set_is_not_made_again_and_a_damaged_shard_is(task_in, known_parts, tmp_path):
    task = task_in(tmp_path / "set")
    make_set(task, known_parts)
    before = contents(task)
    assert make_set(task, lambda jobs: iter([1 / 0 for _ in jobs])).made == 0
    shard = task.out / "data" / "00001.tar"
    shard.write_bytes(shard.read_bytes()[:-700])
    assert make_set(task, known_parts).made == 2
    assert contents(task) == before


@pytest.mark.parametrize("format", ["webdataset", "parquet", "folder"])
@pytest.mark.parametrize("stride", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_death_at_a_write_an_fsync_or_a_rename_changes_no_byte(task_in, known_parts, tmp_path, format, stride):
    """At every tenth of them, where each stop is followed by a whole run; at every one in the slow tier."""
    reference = task_in(tmp_path / "whole", format=format)
    make_set(reference, known_parts)
    at = 1 + len(format) % stride  # other places in other formats
    deaths = 0
    while True:
        one = task_in(tmp_path / str(at), format=format)
        if not child_that_dies(lambda: make_set(one, known_parts), at):  # noqa: B023
            break
        make_set(one, known_parts)
        assert contents(one) == contents(reference), f"the run that died at operation {at} is another"
        deaths += 1
        at += stride
    assert deaths * stride > 100


def test_death_over_and_over_still_comes_to_an_end(task_in, known_parts, tmp_path):
    reference, task = task_in(tmp_path / "whole"), task_in(tmp_path / "set")
    make_set(reference, known_parts)
    deaths = 0
    while child_that_dies(lambda: make_set(task, known_parts), 45):  # a shard and its parts are less
        deaths += 1
        assert deaths < 20
    assert deaths > 1
    assert contents(task) == contents(reference)


def killed_at_random(task: Task, reference: dict[str, bytes], maker, kills: int) -> None:
    """Kill a run of a real maker at random moments until so many kills fell, in as many sets as that takes."""
    chance, number, fallen = random.Random(0), 0, 0
    while fallen < kills:
        one = replace(task, out=task.out / str(number))
        while child_that_is_killed(lambda: make_set(one, in_this_process(maker)), chance.uniform(0.05, 4.0)):  # noqa: B023
            fallen += 1
        assert contents(one) == reference
        number += 1


@pytest.mark.parametrize("kills", [2, pytest.param(200, marks=pytest.mark.slow)])
def test_kills_at_random_moments_change_no_byte(task_in, known_parts, maker, tmp_path, kills):
    reference = task_in(tmp_path / "whole")
    make_set(reference, known_parts)
    killed_at_random(task_in(tmp_path), contents(reference), maker, kills)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few pages, and what makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("NOT TESTED: a full disk takes the right to mount one; run as root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: a full disk cannot be mounted here ({mounted.stderr.decode().strip()})")
    yield disk, lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
    subprocess.run(["umount", str(disk)], check=True)


def stopped_by_a_full_disk(task: Task, engine: KnownParts) -> bool:
    try:
        make_set(task, engine)
    except OutputError as error:
        return "No space left" in str(error)
    return False


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(task_in, known_parts, tmp_path, small_disk):
    disk, enlarge = small_disk
    reference, task = task_in(tmp_path / "whole"), task_in(disk / "set")
    make_set(reference, known_parts)
    stops = 0
    for size in range(64, 1024, 32):  # KiB
        enlarge(f"{size}k")
        if not stopped_by_a_full_disk(task, known_parts):
            break
        stops += 1
    assert stops > 2
    assert contents(task) == contents(reference)


def test_one_writer_at_a_time(task_in, known_parts, tmp_path):
    task = task_in(tmp_path / "set")

    def engine(jobs):
        for part in known_parts(jobs):
            with pytest.raises(OutputError, match="another run writes"):
                make_set(task, known_parts)
            yield part

    make_set(task, engine)
    make_set(task, known_parts)


@pytest.mark.parametrize(
    ("changes", "name"), [({"shard_rows": 3}, "shard_rows"), ({"format": "folder"}, "format")], ids=str
)
def test_a_folder_of_another_set_is_refused(task_in, known_parts, tmp_path, changes, name):
    make_set(task_in(tmp_path / "set"), known_parts)
    with pytest.raises(RecordError, match=f"another {name}"):
        make_set(task_in(tmp_path / "set", **changes), known_parts)


def test_captions_that_changed_are_another_set(task_in, known_parts, tmp_path):
    task = task_in(tmp_path / "set", captions=write_rows(tmp_path / "rows.jsonl"))
    make_set(task, known_parts)
    write_rows(task.captions, ROWS[:3])
    with pytest.raises(RecordError, match="another captions"):
        make_set(task, known_parts)
