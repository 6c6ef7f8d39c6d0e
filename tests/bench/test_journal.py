"""The journal: what was added is there again, a kill costs the last line at most, anything else wrong is named."""

import json
from pathlib import Path

import pytest

from helpers.benchmark_parts import row
from wordbrush.errors import OutputError, RecordError
from wordbrush_bench.journal import JournalWriter, read_journal

RUN = {"model": "m", "seed": 1}
METHODS = {"ours": {"steps": 4}, "theirs": {}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "journal.jsonl"
    with JournalWriter(path, RUN, METHODS) as journal:
        journal.add(row("a"))
        journal.add(row("b", error="E: x"))
    return path


def test_what_was_added_is_read_back(path):
    journal = read_journal(path)
    assert journal.run == RUN
    assert journal.methods == {"ours": {"steps": 4}}
    assert journal.rows == (row("a"), row("b", error="E: x"))


def test_a_journal_is_gone_on_with_and_new_methods_join_it(path):
    with JournalWriter(path, RUN, METHODS) as journal:
        assert set(journal.done) == {("a", "ours"), ("b", "ours")}
        journal.add(row("a", "theirs"))
    assert [r.method for r in read_journal(path).rows] == ["ours", "ours", "theirs"]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_kill_cut_short_is_taken_off(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RecordError, match=r"journal\.jsonl', line 4, is cut short; run the same command again"):
        read_journal(path)
    with JournalWriter(path, RUN, METHODS) as journal:
        assert set(journal.done) == {("a", "ours")}
        journal.add(row("b"))
    assert read_journal(path).rows == (row("a"), row("b"))


def test_a_journal_cut_in_its_first_line_begins_anew(path):
    path.write_bytes(path.read_bytes()[:7])
    with JournalWriter(path, RUN, METHODS) as journal:
        assert not journal.done
    assert read_journal(path).run == RUN


@pytest.mark.parametrize(
    ("run", "methods", "said"),
    [
        ({"model": "other", "seed": 1}, METHODS, "another model of the run ('m', now 'other')"),
        ({"model": "m"}, METHODS, "another seed of the run (1, now None)"),
        (RUN, {"ours": {"steps": 8}}, "another steps of 'ours' (4, now 8)"),
    ],
)
def test_another_run_is_refused(path, run, methods, said):
    before = path.read_bytes()
    with pytest.raises(RecordError) as error:
        JournalWriter(path, run, methods)
    assert said in str(error.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "broken", "said"),
    [
        (3, "{no json", "line 3, is not JSON"),
        (3, "[1]", "line 3, is not an object"),
        (3, "{}", "line 3, is neither a row nor a method's settings"),
        (3, json.dumps({"row": {"case": "a"}}), "line 3, has no 'kind'"),
        (2, json.dumps({"method": "ours"}), "line 2, settings is missing"),
        (1, json.dumps({"schema": 99, "run": {}}), "line 1, has schema 99"),
        (1, json.dumps({"row": 1}), "line 1, run is not the head of a journal"),
    ],
)
def test_a_broken_line_is_named(path, line, broken, said):
    lines = path.read_text().splitlines()
    lines[line - 1] = broken
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordError, match=r"journal\.jsonl', ") as error:
        read_journal(path)
    assert said in str(error.value)


def test_a_row_whose_method_no_line_gives_is_refused(path):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    with pytest.raises(RecordError, match="line 2, is a row of 'ours', whose settings no line gives"):
        read_journal(path)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        JournalWriter(tmp_path / "file" / "journal.jsonl", RUN, METHODS)
    with pytest.raises(RecordError, match="cannot be read"):
        read_journal(tmp_path / "none.jsonl")
