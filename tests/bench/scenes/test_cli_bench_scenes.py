"""`wordbrush bench scenes` with the bundled model: a few cases, a kill, and going on."""

import json
from pathlib import Path

import pytest

FEW = ["bench", "scenes", "--limit", "1", "--kinds", "change-object", "--steps", "3", "--out", "run"]


def rows(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "run" / "journal.jsonl").read_text().splitlines()]
    return [line["row"] for line in lines if "row" in line]


def test_a_run_is_measured_killed_and_gone_on_with(command_line, tmp_path):
    methods = ["--methods", "reference,plain,windows-blend,defaults-ddim"]
    code, out, err, files = command_line(*FEW, *methods)
    assert (code, err.count("error")) == (0, 0)
    assert "2 cases, 5 methods" in out
    assert {"run/benchmark.md", "run/cases.html", "run/results.json", "run/plots/trade-off.png"} <= set(files)
    first = rows(tmp_path)
    assert len(first) == 10
    assert not any(row["error"] for row in first)
    refused = {(row["method"], row["origin"]) for row in first if row["refused"]}
    assert refused == {
        ("plain", "photograph"),
        ("perfect-edit", "generated"),
        ("defaults-ddim", "generated"),
    }
    perfect = next(row for row in first if row["method"] == "perfect-edit" and not row["refused"])
    assert perfect["values"]["perfect PSNR"] == 60

    # Killed in the middle of a line: the report is made of what was whole, and only the rest runs again.
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    code, _, _, _ = command_line(*FEW, *methods)
    assert code == 0
    again = rows(tmp_path)
    assert again[:9] == first[:9]
    assert [row["method"] for row in again] == [row["method"] for row in first]

    # Another number of steps is another run.
    code, _, err, _ = command_line(*FEW, "--steps", "4", *methods)
    assert code == 2
    assert "was begun with another source of 'no-edit'" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kinds", "change-shoes"], "kind 'change-shoes' is unknown; give some of mixed"),
        (["--methods", "magic"], "method 'magic' is unknown; give some of no-edit"),
        (["--kinds", "mixed,,x"], "--kinds 'mixed,,x' is not WORD[,WORD]"),
        (["--limit", "0"], "limit is 0; give 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(command_line, arguments, said):
    code, _, err, files = command_line("bench", "scenes", *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert said in err
    assert files == []
