"""`wordbrush sweep` as a user meets it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from wordbrush import read_record
from wordbrush.cli import app as cli
from wordbrush.sweep import SweepReport

SWEEP = ["sweep", "a dog eating an apple", "a cat eating an apple"]


@pytest.fixture
def run(command_line, tiny_folder):
    """Run the command line with the tiny model and few steps."""
    return lambda *arguments: command_line(*arguments, "--model", str(tiny_folder), "--steps", "2")


def test_a_grid_is_a_sheet_a_report_and_if_asked_its_pictures(run, tmp_path):
    code, out, _, made = run(
        *SWEEP, "--cross-steps", "0,1", "--self-steps", "0:1:1", "--weight", "apple=-2:2:4", "--cells", "--out", "o"
    )
    assert code == 0
    assert "8 cells, 10 pictures in all" in out
    assert made[-2:] == ["o/sheet.png", "o/sweep.json"]
    assert len(made) == 10
    report = SweepReport.from_json((tmp_path / "o/sweep.json").read_text())
    assert [cell.values for cell in report.cells][:3] == [(0.0, 0.0, -2.0), (0.0, 0.0, 2.0), (0.0, 1.0, -2.0)]
    name = "o/cells/seed-0_cross_replace_steps-1_self_replace_steps-0_weight-apple-2.png"
    assert read_record(tmp_path / name) in [cell.record for cell in report.cells]
    with Image.open(tmp_path / "o/sheet.png") as sheet:
        assert sheet.mode == "RGB"


def test_seeds_and_weights_alone(run, tmp_path):
    code, _, _, made = run("sweep", "a dog", "--weight", "dog=1,2", "--seeds", "1:2", "--out", "o", "--quiet")
    assert code == 0
    assert made == ["o/sheet.png", "o/sweep.json"]
    assert [seed.seed for seed in SweepReport.from_json((tmp_path / "o/sweep.json").read_text()).seeds] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (SWEEP, "there is one cell only"),
        (["sweep", "a dog"], "no TARGET prompt and no --weight"),
        ([*SWEEP, "--cross-steps", "0:1"], "--cross-steps '0:1' is not numbers or a range; write for example"),
        ([*SWEEP, "--cross-steps", "0:2:1"], "the axis of cross_replace_steps has 2, outside of 0..1"),
        ([*SWEEP, "--self-steps", "1:0:0.1"], "never gets from its start to its stop"),
        ([*SWEEP, "--weight", "apple"], "--weight 'apple' is not WORD=VALUES; write for example"),
        ([*SWEEP, "--weight", "apple=1:2"], "--weight apple '1:2' is not numbers or a range"),
        ([*SWEEP, "--weight", "horse=1,2"], "word 'horse' is not in the prompt"),
        ([*SWEEP, "--seeds", "x"], "--seeds 'x' is not numbers or a range; write for example 1,2,3"),
        ([*SWEEP, "--seeds=1,-1"], "seed is -1"),
        ([*SWEEP, "--cross-steps", "0:1:0.001", "--seeds", "1:3"], "has 3003 pictures, and 1000 is the limit"),
        ([*SWEEP, "--cross-steps", "0,1", "--kind", "swap"], "give one of auto, replace, refine"),
        ([*SWEEP, "--cross-steps", "0,1", "--size", "33"], "give a positive multiple of 2"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(run, arguments, message):
    code, out, err, made = run(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert made == []


def test_an_interruption_keeps_the_finished_cells(tiny_folder: Path, tmp_path: Path) -> None:
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from wordbrush.cli.app import main; main()"
    )
    long = ["--cross-steps", "0:1:0.002", "--steps", "4"]
    process = subprocess.Popen(
        [sys.executable, "-uc", script, *SWEEP, *long, "--model", str(tiny_folder), "--out", "o"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "to go" not in process.stdout.readline():  # said after the first cell
            pass
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "of 501 cells are made and kept" in err
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["sheet.png", "sweep.json"]
    report = SweepReport.from_json((tmp_path / "o/sweep.json").read_text())
    assert 1 <= len(report.cells) < 501
