"""What the command line never does: leave half a result, or write over what it was given."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.picture_files import picture, saved
from wordbrush.cli import app as cli

SWAP = ["edit", "a dog eating an apple", "a cat eating an apple"]


def wordbrush(*arguments: str, folder: Path) -> "subprocess.Popen[str]":
    """The command line in a process of its own, which takes an interruption whatever its parent does with one."""
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from wordbrush.cli.app import main; main()"
    )
    source = Path(cli.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interruption_ends_with_130_and_leaves_what_was_there(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "edited.png").write_text("an earlier picture")
    with wordbrush(*SWAP, "--model", str(tiny_folder), "--steps", "999", "--out", "o", folder=tmp_path) as process:
        assert process.stderr is not None
        assert "editing" in process.stderr.readline()  # the first step is done
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["edited.png"]
    assert (tmp_path / "o" / "edited.png").read_text() == "an earlier picture"


def test_an_interrupted_inversion_is_not_kept(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(saved(picture(), "PNG"))
    options = ["--model", str(tiny_folder), "--steps", "999", "--out", "o", "--cache-dir", "cache"]
    with wordbrush("invert", "photo.png", *options, folder=tmp_path) as process:
        assert process.stderr is not None
        assert "inverting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert [path for path in tmp_path.rglob("*.*") if path.name != "photo.png"] == []


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["wordbrush", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize("out", ["first", "first/../first", "./first/"])
@pytest.mark.parametrize("carrier", ["record.json", "edited.png"])
def test_a_replay_does_not_write_over_its_record(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_folder: Path,
    tmp_path: Path,
    out: str,
    carrier: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, *SWAP, "--model", str(tiny_folder), "--steps", "1", "--out", "first") == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "first").iterdir()}
    capsys.readouterr()
    assert call(monkeypatch, "replay", f"first/{carrier}", "--out", out) == 2
    assert "is the folder of the record itself" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "first").iterdir()} == before


def test_a_replay_with_other_pixels_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_folder: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, *SWAP, "--model", str(tiny_folder), "--steps", "1", "--out", "first") == 0
    record = tmp_path / "first" / "record.json"
    record.write_text(record.read_text().replace('"seed": 0', '"seed": 1'))
    assert call(monkeypatch, "replay", "first/record.json", "--out", "again") == 2
    assert "the pixels of source, edited differ from the record's" in capsys.readouterr().err
