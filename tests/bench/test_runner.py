"""The runner: every case by every method, failures counted, stopped and gone on with."""

import numpy as np
import pytest
from PIL import Image

from helpers.benchmark_parts import Brightness, Shift, case
from wordbrush.errors import RecordError, SettingsError
from wordbrush_bench.journal import read_journal
from wordbrush_bench.runner import file_name, run_benchmark

RUN = {"model": "m"}


def run(folder, cases, methods):
    return list(run_benchmark(cases, methods, [Brightness()], folder, RUN))


def test_rows_come_case_by_case_and_are_measured(tmp_path):
    rows = run(tmp_path, [case("a"), case("b")], [Shift("up", 20), Shift("still", 0)])
    assert [(r.case, r.method) for r in rows] == [("a", "up"), ("a", "still"), ("b", "up"), ("b", "still")]
    up, still = rows[:2]
    assert up.values == {"seconds": 0.5, "source seconds": 0.25, "peak memory": 3.0, "brightness": 120.0}
    assert up.notes == ("a note",)
    assert still.gaps == {"brightness": "too dark"}
    assert "brightness" not in still.values
    assert read_journal(tmp_path / "journal.jsonl").rows == tuple(rows)


def test_pictures_are_kept_and_shared_ones_once(tmp_path):
    rows = run(tmp_path, [case("a")], [Shift("up", 20), Shift("still", 0)])
    assert set(rows[0].pictures) == {"edited", "source", "photo", "perfect", "mask"}
    assert rows[0].pictures["source"] == rows[1].pictures["source"]
    assert rows[0].pictures["edited"] != rows[1].pictures["edited"]
    assert len(list((tmp_path / "pictures").iterdir())) == 6
    with Image.open(tmp_path / rows[0].pictures["edited"]) as edited:
        assert abs(np.asarray(edited).mean() - 120) < 2


def test_a_method_that_fails_is_counted_and_ends_nothing(tmp_path):
    rows = run(tmp_path, [case("a"), case("b")], [Shift("bad", 1, fails_on=("a",)), Shift("up", 20)])
    assert [r.error for r in rows] == ["RuntimeError: it broke", None, None, None]
    assert rows[0].values == {}
    assert rows[0].pictures == {}


def test_a_case_without_its_pictures_fails_for_all_methods(tmp_path):
    def gone():
        raise FileNotFoundError("photo.png is not there")

    rows = run(tmp_path, [case("a", material=gone), case("b")], [Shift("up", 20)])
    assert [r.error for r in rows] == ["FileNotFoundError: photo.png is not there", None]


def test_a_method_that_is_not_for_a_case_is_no_failure(tmp_path):
    rows = run(tmp_path, [case("a")], [Shift("up", 20, refuses=("a",))])
    assert (rows[0].refused, rows[0].error, rows[0].values) == ("not for these", None, {})


def test_a_run_that_was_stopped_goes_on_without_doing_anything_twice(tmp_path):
    cases, up = [case("a"), case("b"), case("c")], Shift("up", 20)
    running = run_benchmark(cases, [up], [Brightness()], tmp_path, RUN)
    next(running)
    next(running)
    running.close()
    assert len(read_journal(tmp_path / "journal.jsonl").rows) == 2
    # Had it run a or b again, they would fail now.
    rows = run(tmp_path, cases, [Shift("up", 20, fails_on=("a", "b"))])
    assert [r.error for r in rows] == [None, None, None]
    assert len(read_journal(tmp_path / "journal.jsonl").rows) == 3


def test_an_interruption_keeps_what_is_done(tmp_path):
    class Stopped(Shift):
        def run(self, case, material):
            if case.id == "b":
                raise KeyboardInterrupt
            return super().run(case, material)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, [case("a"), case("b")], [Stopped("up", 20)])
    assert [r.case for r in read_journal(tmp_path / "journal.jsonl").rows] == ["a"]


def test_a_case_that_changed_under_its_name_is_refused(tmp_path):
    run(tmp_path, [case("a")], [Shift("up", 20)])
    with pytest.raises(RecordError, match="'a' was another case when this run was begun"):
        run(tmp_path, [case("a", target_prompt="a lion")], [Shift("up", 20)])


def test_names_that_would_share_a_file_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="two methods are called 'up'"):
        run(tmp_path, [case("a")], [Shift("up", 20), Shift("up", 10)])
    with pytest.raises(SettingsError, match="two cases are called 'a b'"):
        run(tmp_path, [case("a b"), case("a/b")], [Shift("up", 20)])
    assert file_name("../etc/passwd") == "..-etc-passwd"
