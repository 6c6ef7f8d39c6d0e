"""`wordbrush pairs` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from helpers.adapter_files import concept, lora, trained
from helpers.pair_sets import ROWS, write_rows
from wordbrush.cli import app as cli
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

LENIENT = ["--steps", "2", "--self-steps", "0.5", "--tries", "1", "--min-done", "0", "--min-kept=-1"]


@pytest.fixture
def run(command_line, tiny_folder, tmp_path):
    """Run the command line with the tiny model on five rows."""
    write_rows(tmp_path / "rows.jsonl")
    return lambda *arguments: command_line(
        "pairs", "rows.jsonl", "set", "--model", str(tiny_folder), *LENIENT, *arguments
    )


def test_rows_become_shards_errors_a_datasheet_and_a_sheet(run, tmp_path):
    code, out, err, made = run("--shard-rows", "3", "--license", "CC0-1.0")
    assert code == 0
    assert "3 pairs of 5 rows (2 errors) in 'set'" in out
    assert "5 of 5 rows, 3 pairs, 0 refused, 2 errors" in err
    assert {"set/data/00000.tar", "set/data/00001.tar", "set/contact-sheet.png", "set/errors.jsonl"} < {*made}
    datasheet = (tmp_path / "set/DATASHEET.md").read_text()
    assert "Of this set: CC0-1.0" in datasheet
    assert "5 rows, of which 2 gave an error" in datasheet
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    assert manifest["counts"] == {"rows": 5, "errors": 2, "tries": 3, "pairs": 3, "rejected": {}}
    assert all((tmp_path / "set" / file["path"]).stat().st_size == file["bytes"] for file in manifest["files"])


def test_counts_come_as_json_lines(run):
    code, out, err, _ = run("--json")
    assert code == 0
    assert "rows," not in err
    said = [json.loads(line) for line in out.splitlines()]
    assert said[-1]["done"] == said[-1]["rows"] == 5
    assert said[-1]["eta_seconds"] == 0
    assert said[-1]["pairs_per_minute"] > 0


def test_rows_with_photographs(run, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 64), (60, 140, 70)).save(tmp_path / "photos" / "dog.png")
    write_rows(tmp_path / "rows.jsonl", [{"source": "a dog", "target": "a cat", "photo": "dog.png"}])
    arguments = ["--photos", "photos", "--method", "direct"]
    code, out, _, _ = run(*arguments, "--dry-run")
    assert code == 0
    assert out.startswith("1 rows; the first 1: 0 errors, 1 pairs, ")
    code, out, _, _ = run(*arguments)
    assert "1 pairs of 1 rows (0 errors)" in out
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    assert manifest["made_by"]["inversion"]["method"] == "direct"


def test_a_set_with_a_concept_and_a_lora_in_the_targets_alone(run, tmp_path):
    pipeline = tiny_pipeline()
    trained(pipeline)
    files = lora(pipeline, tmp_path / "style.safetensors", "kohya"), concept(tmp_path / "toy.safetensors")
    write_rows(tmp_path / "rows.jsonl", [{"source": "a dog", "target": "a <toy>"}])
    beside = ["--lora", str(files[0]), "--concept", str(files[1])]
    code, out, err, _ = run(*beside, "--target-lora", "style:0.5", "--format", "folder")
    assert code == 0, err
    assert "1 pairs of 1 rows (0 errors)" in out
    made_by = json.loads((tmp_path / "set/manifest.json").read_text())["made_by"]
    said = [(one["kind"], one["name"], one["scale"]) for one in made_by["adapters"]]
    assert said == [("concept", "<toy>", 1.0), ("lora", "style", 0.0)]
    assert str(tmp_path) not in json.dumps(made_by)
    datasheet = (tmp_path / "set/DATASHEET.md").read_text()
    assert "Beside its weights: concept '<toy>', sha256 `" in datasheet
    assert "Beside its weights: LoRA 'style' x 0, sha256 `" in datasheet
    code, _, err, _ = run(*beside, "--format", "folder")
    assert (code, "--out" in err or "another" in err) == (2, True), "another scale is another set"
    files[0].write_bytes(lora(pipeline, tmp_path / "other.safetensors", "diffusers").read_bytes())
    code, _, err, _ = run(*beside, "--target-lora", "style:0.5", "--format", "folder")
    assert code == 2, "and so is another file"


def test_a_dry_run_says_what_all_would_cost_and_writes_nothing(run):
    code, out, _, made = run("--dry-run", "--workers", "2")
    assert code == 0
    first, second, *errors = out.splitlines()
    assert first.startswith("5 rows; the first 5: 2 errors, 3 pairs, ")
    assert second.startswith("all: about 3 pairs, ")
    assert "with 2 workers" in second
    assert errors == ["row 2: there is no target; give a caption", "row 5: the row repeats row 1"]
    assert made == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tries", "3", "--cross-steps", "0.4"], "nothing differs between them"),
        (["--cross-range", "0.9..0.1"], "cross_range is 0.9..0.1"),
        (["--format", "zip"], "format is 'zip'; give one of webdataset, parquet, folder"),
        (["--engine", "spark"], "--engine is 'spark'; give ray"),
        (["--workers", "0"], "--workers is 0"),
        (["--batch", "1"], "batch is 1; give 2 or more"),
        (["--shard-rows", "0"], "shard_rows is 0"),
        (["--mask", "mask.png"], "--mask is of one picture"),
        (["--clip", "nowhere"], "nowhere"),
        (["--method", "direct"], "name their folder with --photos"),
        (["--photos", "nowhere"], "--photos is 'nowhere', and there is no such folder"),
        (["--photos", ".", "--method", "none"], "none"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(run, arguments, message):
    code, out, err, made = run(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert made == ["rows.jsonl"]


def test_captions_without_a_usable_row_say_why(run, tmp_path):
    write_rows(tmp_path / "rows.jsonl", [{"source": "a dog"}])
    code, _, err, made = run()
    assert code == 2
    assert "none of the 1 rows could be used; 'set/errors.jsonl' says why" in err
    assert "set/errors.jsonl" in made


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["the command by SIGTERM", "a worker by SIGKILL"])
def test_processes_that_are_stopped_change_no_byte(run, tiny_folder, tmp_path, victim):
    """Starts the program with two workers, which takes tens of seconds."""
    rows = [{**row, "seed": seed} for seed in range(6) for row in (ROWS[0], ROWS[2], ROWS[3])]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert run("--shard-rows", "3")[0] == 0
    arguments = ["--model", str(tiny_folder), *LENIENT, "--shard-rows", "3", "--workers", "2", "--json"]
    script = "from wordbrush.cli.app import main\nif __name__ == '__main__': main()"
    process = subprocess.Popen(
        [sys.executable, "-uc", script, "pairs", "rows.jsonl", "other", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2]), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        while json.loads(process.stdout.readline())["done"] == 0:
            pass
        if victim.startswith("a worker"):
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            commands = {child: Path(f"/proc/{child}/cmdline").read_text() for child in children}
            os.kill(int(next(child for child, said in commands.items() if "spawn_main" in said)), signal.SIGKILL)
        else:
            process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == (0 if victim.startswith("a worker") else 143)
    assert run_again(run, tmp_path, "--shard-rows", "3")


def run_again(run, tmp_path: Path, *arguments: str) -> bool:
    """Go on with "other" where it was, in this process; whether it has the bytes of "set"."""
    (tmp_path / "set").rename(tmp_path / "whole")
    (tmp_path / "other").rename(tmp_path / "set")
    assert run(*arguments)[0] == 0
    return of_folder(tmp_path / "whole") == of_folder(tmp_path / "set")


def of_folder(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "journal.jsonl")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
