"""What goes wrong around a command: no work is lost by it, and it is one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wordbrush

EDIT = ["edit", "a dog", "a cat", "--steps", "2", "--out", "o"]
MADE = ["comparison.png", "edited.png", "record.json", "source.png"]


@pytest.fixture
def run(command_line, tiny_folder):
    """Run the command line with the tiny model."""
    return lambda *arguments: command_line(*arguments, "--model", str(tiny_folder))


def start(*arguments: str | bytes, folder: Path, stdout: int, **environment: str) -> "subprocess.Popen[str]":
    """The command line in a process of its own."""
    source = Path(wordbrush.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, "-m", "wordbrush", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source), "HF_HUB_OFFLINE": "1", **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "o").iterdir())


def test_a_full_disk_for_the_output_is_one_line_and_the_files_are_kept(tiny_folder, tmp_path):
    with Path("/dev/full").open("w") as full:
        process = start(*EDIT, "--model", str(tiny_folder), folder=tmp_path, stdout=full.fileno())
        err = process.communicate()[1]
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("error: the output cannot be written (No space left on device)")
    assert "Traceback" not in err
    assert saved(tmp_path) == MADE


def test_a_closed_pipe_is_quiet_and_the_files_are_kept(tiny_folder, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*EDIT, "--quiet", "--model", str(tiny_folder), folder=tmp_path, stdout=writing)
    process.communicate()
    loud = start(*EDIT, "--model", str(tiny_folder), folder=tmp_path, stdout=writing)
    os.close(writing)
    err = loud.communicate()[1]
    assert (process.returncode, loud.returncode) == (0, 0)
    assert all(line.startswith(("editing", "plain", "warning")) for line in err.splitlines()), err
    assert saved(tmp_path) == MADE


def test_what_the_outputs_encoding_has_not_is_escaped(tiny_folder, tmp_path):
    arguments = ["edit", "a dog", "\N{CJK UNIFIED IDEOGRAPH-732B}", *EDIT[3:], "--model", str(tiny_folder)]
    process = start(*arguments, folder=tmp_path, stdout=subprocess.PIPE, PYTHONIOENCODING="cp1252")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "'dog' -> '\\u732b'" in out or "\\u732b" in out
    assert saved(tmp_path) == MADE


@pytest.mark.parametrize("wait", [0.02, 0.4, 1.5])
def test_an_interruption_during_imports_is_quiet(tmp_path, wait):
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from wordbrush.__main__ import main\nprint('ready', flush=True)\nmain()"
    )
    source = Path(wordbrush.__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", script, *EDIT, "--steps", "999"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(source), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "9" * 5000], "--steps '99999999999999999999...' has 5000 digits; write for example --steps 7"),
        (["--seed", "9" * 20], "--seed '99999999999999999999' has 20 digits"),
        (["--guidance", "9" * 5000], "--guidance '99999999999999999999...' is not a number"),
        (["--weight", "cat=" + "9" * 5000], "is not WORD=NUMBER"),
        (["--size", "9" * 5000], "is not a size"),
        (["--cross-steps", "0." + "9" * 5000], "is not a number"),
        (["--steps", "1000000000"], "num_inference_steps is 1000000000; give at most"),
        (["--steps", "3000000"], "num_inference_steps is 3000000; give at most"),
        (["--steps", "many"], "--steps 'many' is not a whole number; write for example --steps 7"),
        (["--steps", "2.5"], "--steps '2.5' is not a whole number"),
        (["--negative", os.fsdecode(b"a \xff")], "--negative 'a \\udcff' is not UTF-8"),
        (["--out", "~nobody-at-all/x"], "there is no such home folder"),
        (["--mask", "~nobody-at-all/x"], "there is no such home folder"),
        (["--model", "~nobody-at-all/x"], "there is no such home folder"),
    ],
)
def test_what_no_model_can_do_is_one_short_line(command_line, monkeypatch, options, message):
    from wordbrush.editor import Editor

    monkeypatch.setattr(Editor, "from_pretrained", lambda *_, **__: pytest.fail("a model was loaded"))
    code, out, err, made = command_line(*EDIT, *options)
    assert (code, out, made) == (2, "", [])
    assert message in err
    assert err.count("\n") == 1
    assert len(err) < 200


@pytest.mark.parametrize("place", [0, 1])
def test_prompts_that_are_no_utf8_are_refused(command_line, place):
    prompts = ["a dog", "a cat"]
    prompts[place] = os.fsdecode(b"caf\xe9")
    code, _, err, made = command_line("edit", *prompts)
    assert (code, made) == (2, [])
    assert f"{('SOURCE', 'TARGET')[place]} 'caf\\udce9' is not UTF-8; set the terminal to UTF-8" in err


def test_the_home_folder_is_expanded(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("generate", "a dog", "--steps", "1", "--out", "~/there")[0] == 0
    assert (tmp_path / "there/source.png").exists()
    code, _, err, _ = run("replay", "~/there/record.json", "--out", "~/again")
    assert code == 0, err
    assert run("maps", "--record", "~/there/source.png", "--out", "~/maps")[0] == 0
    assert (tmp_path / "maps/source-maps").is_dir()


def test_a_record_is_made_again_in_another_dtype_and_says_so(run, tmp_path):
    assert run("generate", "a dog", "--steps", "1", "--dtype", "float32", "--out", "o")[0] == 0
    code, out, _, _ = run("replay", "o/record.json", "--dtype", "bfloat16", "--out", "p")
    assert code == 0
    assert "differ from the record's, as they may: they were computed in bfloat16 on cpu" in out
    code, out, _, _ = run("maps", "--record", "o/record.json", "--dtype", "bfloat16", "--out", "m")
    assert code == 0
    assert "computed in bfloat16 on cpu, so that pixels may differ from the record's" in out
    record = tmp_path / "o/record.json"
    record.write_text(record.read_text().replace('"device": "cpu"', '"device": "cuda"'))
    code, _, err, _ = run("replay", "o/record.json", "--out", "q")
    assert code == 2
    assert "give --device cpu, with which the pixels may differ" in err
    assert run("replay", "o/record.json", "--device", "cpu", "--out", "q")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["maps", "a dog", "--resolution", "all", "--per-step"], "--per-step shows the steps of one resolution"),
        (["maps", "a dog", "--blend", "dog"], "--blend is about an edit, and none is asked for; add --target PROMPT"),
        (["maps", "a dog", "--mutual-start", "0.1", "--target", "a cat"], "--mutual-start does nothing alone"),
        (["maps", "a dog", "--photo", "a.png"], "--photo does nothing alone; add --record FILE"),
        (["sweep", "a dog", "a cat", "--self-steps", "0,1", "--hold-pixels"], "--hold-pixels does nothing alone"),
        (["sweep", "a dog", "a cat", "--axis", "local_blend.words=1,2"], "axis 'local_blend.words' is none of"),
        (["sweep", "a dog", "a cat", "--axis", "plug_and_play.start_layer=0,0.5"], "there is no plug_and_play, whose"),
    ],
)
def test_what_does_nothing_is_refused_by_name(run, arguments, message):
    code, _, err, made = run(*arguments)
    assert (code, made) == (2, [])
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("mark", ["\x1b[31m", "\x07", "\x9b2J", "\u202e", "\x1b]0;owned"])
def test_nothing_of_a_foreign_record_rules_the_terminal(run, command_line, tmp_path, mark):
    assert run("edit", "a dog on a mat", "a cat on a mat", "--steps", "1", "--out", "o", "--no-comparison")[0] == 0
    path = tmp_path / "o/record.json"
    record = json.loads(path.read_text())
    record["generation"]["prompt"] = f"a {mark}dog on a mat"
    record["edit"]["targets"] = [f"a {mark}{mark}cat on a\nwarning: mat"]
    record["versions"]["torch"] = mark
    path.write_text(json.dumps(record))
    code, out, err, _ = run("replay", "o/record.json", "--out", "p")
    assert code == 2  # other pixels
    assert mark.encode("unicode_escape").decode() in out
    shown = (out + err).replace("\n", "")
    assert shown.isprintable(), repr(shown)
    assert not any(line.startswith("warning: mat") for line in out.splitlines())
    code, out, err, _ = run("edit", f"a {mark}dog", f"a {mark}cat", "--steps", "1", "--out", f"q{mark}")
    assert code == 0
    assert (out + err).replace("\n", "").isprintable(), repr(out + err)
