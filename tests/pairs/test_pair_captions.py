"""Rows are read strictly, and whatever is wrong with one is its own reason."""

import json

import pytest

from wordbrush.errors import DataError
from wordbrush.pairs.captions import MAX_LINE, read_captions
from wordbrush.pairs.factory import checked_rows
from wordbrush.pairs.part import Outcome
from wordbrush.pairs.row import check_row

GOOD = {"source": "a dog", "target": "a cat"}


def row(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


MALFORMED = {
    "not JSON": (b"{source: a dog}", "is not JSON"),
    "an array": (b'["a dog", "a cat"]', "is not a JSON object"),
    "empty": (b"", "is empty"),
    "not UTF-8": (b'{"source": "a d\xffg"}', "not UTF-8"),
    "too long": (b'{"source": "' + b"a" * MAX_LINE + b'"}', "longer than"),
    "a name twice": (b'{"source": "a dog", "source": "a cat"}', "stands twice"),
    "nested without end": (b'{"source": ' + b"[" * 100_000, "not JSON"),
    "NaN": (b'{"source": "a dog", "target": "a cat", "guidance_scale": NaN}', "NaN is no number"),
    "no source": (row(source=None), "there is no source"),
    "an empty source": (row(source="  "), "source is empty"),
    "a source that is a number": (row(source=7), "source is 7"),
    "a source with a zero byte": (row(source="a \x00dog"), "no text"),
    "a source of half a character": (row(source="a \ud800dog"), "no text"),
    "a source of many letters": (row(source="a" * 5000), "5000 letters"),
    "no target": (row(target=None), "there is no target"),
    "a list of no targets": (row(target=[]), "empty list"),
    "a target that is no text": (row(target=["a cat", {"a": 1}]), "target is {"),
    "a hundred targets": (row(target=[f"{i} cats" for i in range(100)]), "100 captions"),
    "the source as target": (row(target="a dog"), "is the source itself"),
    "a target twice": (row(target=["a cat", "a cat"]), "twice"),
    "too few instructions": (row(target=["a cat", "a fox"], instruction="swap"), "1 instructions for 2"),
    "an instruction that is no text": (row(instruction=[1]), "instruction is 1"),
    "an unknown column": (row(targets="a cat"), "no column 'targets'"),
    "a picture as an option": (row(mask="mask.png"), "no column 'mask'"),
    "a seed below 0": (row(seed=-1), "seed is -1"),
    "a seed that is no number": (row(seed="x"), "seed is 'x'"),
    "no steps": (row(num_inference_steps=0), "num_inference_steps is 0"),
    "a size of one number": (row(size=[512]), "size is"),
    "a window beyond the steps": (row(cross_replace_steps=1.5), "outside of 0..1"),
    "a weight that is a word": (row(equalizer={"cat": "much"}), "equalizer"),
    "an unknown kind": (row(edit="swap"), "edit is 'swap'"),
    "a window of nothing": (row(cross_replace_steps={"cat": None}), "cross_replace_steps"),
    "a region of a number": (row(local_blend=7), "local_blend is 7"),
}


@pytest.mark.parametrize(("line", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_row_is_its_reason_and_the_next_is_read(tmp_path, line, reason):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line + b"\n" + row() + b"\n")
    first, second = checked_rows(path, {})
    assert isinstance(first, Outcome)
    assert first.row == 1
    assert reason in (first.error or "")
    assert not isinstance(second, Outcome)
    assert second[0].number == 2


def test_a_row_that_repeats_another_is_an_error_and_options_make_it_another(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([row(id="1"), row(id="2"), row(seed=3)]))
    first, second, third = checked_rows(path, {})
    assert isinstance(second, Outcome)
    assert second.error == "the row repeats row 1"
    assert not isinstance(first, Outcome)
    assert not isinstance(third, Outcome)
    assert first[1] != third[1]


def test_the_three_kinds_of_file_have_the_same_rows(tmp_path):
    rows = [
        {"source": 'a "red" dog, big', "target": ["a cat", "a fox"], "instruction": ["cat", "fox"], "seed": 7},
        {"source": "a house", "target": "a castle", "equalizer": {"castle": 2.0}, "recipe": "published"},
    ]
    json_lines, table, parquet = (tmp_path / name for name in ("a.jsonl", "a.csv", "a.parquet"))
    json_lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table.write_text(
        "source,target,instruction,seed,equalizer,recipe\n"
        '"a ""red"" dog, big","[""a cat"", ""a fox""]","[""cat"", ""fox""]",7,,\n'
        'a house,a castle,,,"{""castle"": 2.0}",published\n'
    )
    pyarrow = pytest.importorskip("pyarrow")
    pyarrow.parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"source": [r["source"] for r in rows], "target": [["a cat", "a fox"], ["a castle"]], "seed": [7, None]}
    pyarrow.parquet.write_table(pyarrow.table(columns), parquet)
    of_json, of_csv, of_parquet = (
        [check_row(i, raw) for i, raw in enumerate(read_captions(path), 1)] for path in (json_lines, table, parquet)
    )
    assert of_json == of_csv
    assert [(r.source, r.targets, r.options.get("seed")) for r in of_json] == [
        (r.source, r.targets, r.options.get("seed")) for r in of_parquet
    ]


def test_lines_of_csv_that_are_cut_or_no_text_are_reasons(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"source,target\na dog\na \xff,b\na dog,a cat\na dog,[\n")
    found = list(read_captions(path))
    assert found[0] == "the line has 1 columns, and the first line names 2"
    assert found[1] == "the line is not UTF-8"
    assert found[2] == GOOD
    assert found[3] == "target begins like a list, and is not JSON"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "of no kind that is read"),
        ("a.parquet", b"PAR1", "not a whole Parquet file"),
        ("a.csv", b"source,source\na,b\n", "names a column twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        list(read_captions(tmp_path / name))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        list(read_captions(tmp_path / "a.jsonl"))
