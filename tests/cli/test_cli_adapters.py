"""LoRAs and concepts on the command line: an option of the model, recorded, and found again by a replay."""

import shutil
from pathlib import Path

import pytest
import typer

from helpers.adapter_files import concept, lora, trained
from wordbrush.cli.app import app
from wordbrush.runs.png import read_record
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

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


@pytest.mark.parametrize("command", ["edit", "generate", "sweep", "maps", "invert", "replay", "pairs"])
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


BRANCH = ["edit", "a dog", "a cat", "--steps", "4", "--no-comparison"]


def test_a_lora_that_is_named_acts_where_it_is_named_alone(command_line, files, tiny_folder, tmp_path):
    model = ["--model", str(tiny_folder)]
    given = [*BRANCH, *model, "--lora", str(files["lora"]), "--target-lora", "style:0.5@0..0.5"]
    code, out, err, _ = command_line(*given, "--out", "o")
    assert code == 0, err
    assert "with LoRA 'style' x 0.5 until 0.5; source and target in calls of their own at 2 of 4 steps" in out
    record = read_record(tmp_path / "o" / "record.json")
    assert [str(file) for file in record.model.adapters] == ["LoRA 'style' x 0"]
    assert command_line("generate", "a dog", *model, "--steps", "4", "--out", "plain")[0] == 0
    first, plain = ((tmp_path / name / "source.png").read_bytes() for name in ("o", "plain"))
    assert record.image_sha256["source"] == read_record(tmp_path / "plain" / "record.json").image_sha256["source"]
    assert first != plain, "each carries its own record"
    code, out, err, _ = command_line("replay", "o/edited.png", "--out", "again")
    assert code == 0, err
    assert "the pixels of source, edited are the recorded ones" in out
    code, _, err, _ = command_line(*given, "--source-first", "--out", "kept")
    assert code == 0, err
    kept = read_record(tmp_path / "kept" / "record.json")
    assert kept.acted[0][-1] == "with LoRA 'style' x 0.5 until 0.5"


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--target-lora", "toy"], "target_adapters has the LoRA 'toy', which is not loaded; loaded are: style"),
        (["--target-lora", "style:much"], "--target-lora 'much' is not a number"),
        (["--target-lora", ":1"], "--target-lora ':1' names no LoRA; write for example --target-lora style:0.8"),
        (["--target-lora", "style:1@0.9..0.2"], "the window of the LoRA 'style' is (0.9, 0.2), outside of 0..1"),
        (["--target-lora", "style", "--candidates", "2"], "a ranking of candidates scores with the model as it is"),
        (["--source-lora", "style", "--photo", "x.png"], "--source-lora is of a picture that is drawn"),
    ],
)
def test_what_a_branch_cannot_have_is_one_line(command_line, files, tiny_folder, option, told):
    code, _, err, _ = command_line(*BRANCH, "--model", str(tiny_folder), "--lora", str(files["lora"]), *option)
    assert (code, told in err, len(err.splitlines())) == (2, True, 1), err


def test_a_scale_is_said_once(command_line, files, tiny_folder):
    twice = ["--lora", f"{files['lora']}:0.5", "--target-lora", "style"]
    code, _, err, _ = command_line(*BRANCH, "--model", str(tiny_folder), *twice)
    assert (code, "--lora says the scale of 'style', and so does the option that names it" in err) == (2, True)
    code, _, err, _ = command_line("pairs", "rows.jsonl", "set", *twice)
    assert (code, "--lora says the scale of 'style', and so does the option that names it" in err) == (2, True)
