"""LoRAs and concepts on the command line: an option of the model, recorded, and found again by a replay."""

import shutil
from pathlib import Path

import pytest
import typer

from helpers.adapter_files import concept, lora, trained
from helpers.tiny import tiny_pipeline
from wordbrush.cli.app import app
from wordbrush.runs.png import read_record

EDIT = ["edit", "a dog", "a <toy>", "--steps", "2", "--no-comparison"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    pipeline = tiny_pipeline()
    trained(pipeline)
    return {
        "lora": lora(pipeline, folder / "style.safetensors", "kohya"),
        "concept": concept(folder / "toy.safetensors"),
    }


@pytest.mark.parametrize("command", ["edit", "generate", "sweep", "maps", "invert", "replay"])
def test_every_command_that_takes_a_model_takes_them(command):
    params = typer.main.get_command(app).commands[command].params
    assert {"--model", "--lora", "--concept"} <= {spelling for param in params for spelling in param.opts}


def test_an_edit_with_both_is_recorded_and_replayed(command_line, files, tiny_folder, tmp_path):
    with_both = ["--lora", f"{files['lora']}:0.5", "--concept", str(files["concept"])]
    code, out, err, _ = command_line(*EDIT, "--model", str(tiny_folder), *with_both, "--out", "o")
    assert code == 0, err
    assert "'dog' -> '<toy>'" in out
    record = read_record(tmp_path / "o" / "record.json")
    assert [str(file) for file in record.model.adapters] == ["concept '<toy>'", "LoRA 'style' x 0.5"]
    code, out, err, _ = command_line("replay", "o/edited.png", "--out", "again")
    assert code == 0, err
    assert "the pixels of source, edited are the recorded ones" in out


@pytest.mark.parametrize("option", [["--source-first"], ["--candidates", "2"], ["--strength", "auto"]])
def test_an_edit_of_a_kept_source_has_them_too(command_line, files, tiny_folder, tmp_path, option):
    code, _, err, _ = command_line(*EDIT, "--model", str(tiny_folder), "--concept", str(files["concept"]), *option)
    assert code == 0, err
    picture = next(path for path in tmp_path.rglob("*.png") if path.name.startswith(("edited.", "01-")))
    assert [str(file) for file in read_record(picture).model.adapters] == ["concept '<toy>'"]


def test_a_replay_says_what_is_missing_and_takes_it_from_elsewhere(command_line, files, tiny_folder, tmp_path):
    there = Path(shutil.copy(files["concept"], tmp_path / "my.safetensors"))
    named = ["--concept", f"<toy>={there}"]
    assert command_line(*EDIT, "--model", str(tiny_folder), *named, "--out", "o")[0] == 0
    there.rename(tmp_path / "moved.safetensors")
    code, _, err, _ = command_line("replay", "o/record.json", "--out", "again")
    assert code == 2
    assert "made with the concept '<toy>' (sha256" in err
    assert err.rstrip().endswith("add --concept FILE")
    assert command_line("replay", "o/record.json", "--concept", "moved.safetensors", "--out", "again")[0] == 0
    code, _, err, _ = command_line("replay", "o/record.json", "--concept", "<toy>=moved.safetensors", "--out", "again")
    assert (code, "give their files alone" in err) == (2, True)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--lora", "none.safetensors"], "the LoRA 'none.safetensors' cannot be read"),
        (["--lora", "none.safetensors:much"], "--lora 'much' is not a number"),
        (["--concept", "dog=none.safetensors"], "the concept 'none.safetensors' cannot be read"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(command_line, tiny_folder, option, told):
    code, _, err, _ = command_line(*EDIT, "--model", str(tiny_folder), *option)
    assert (code, told in err, len(err.splitlines())) == (2, True, 1)
