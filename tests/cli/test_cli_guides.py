"""A ControlNet on the command line: its picture is an option of the model, recorded, and asked for by a replay."""

import pytest

from wordbrush.runs.png import read_record
from wordbrush_bench.tiny.guided import picture, tiny_controlled

EDIT = ["edit", "a dog", "a cat", "--steps", "2", "--no-comparison"]


@pytest.fixture(scope="module")
def controlled_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("controlled")
    tiny_controlled().save_pretrained(folder)
    return folder


def test_an_edit_beside_a_control_net_is_recorded_and_replayed(command_line, controlled_folder, tmp_path):
    picture(1).save(tmp_path / "control.png")
    picture(2).save(tmp_path / "other.png")
    given = ["--control-image", "control.png", "--controlnet-conditioning-scale", "0.5"]
    code, _, err, _ = command_line(*EDIT, "--model", str(controlled_folder), *given, "--out", "o")
    assert code == 0, err
    record = read_record(tmp_path / "o" / "record.json")
    assert record.model.guides is not None
    assert record.model.guides.controlnet_conditioning_scale == (0.5,)
    again = ["replay", "o/edited.png", "--out", "again"]
    code, out, err, _ = command_line(*again, "--control-image", "control.png")
    assert code == 0, err
    assert "the pixels of source, edited are the recorded ones" in out
    for options, told in (
        ([], "--control-image FILE"),
        (["--control-image", "other.png"], "there are other guides, or none"),
        (given, "leave out --controlnet-conditioning-scale"),
    ):
        code, _, err, _ = command_line(*again, *options)
        assert (code, told in " ".join(err.split())) == (2, True), err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "the model has a ControlNet, and no picture for it"),
        (["--controlnet-conditioning-scale", "0.5"], "of a --control-image that is not given"),
        (["--control-image", "none.png"], "'none.png' cannot be read"),
    ],
)
def test_what_is_missing_is_told(command_line, controlled_folder, options, told):
    code, _, err, _ = command_line(*EDIT, "--model", str(controlled_folder), *options)
    assert (code, told in " ".join(err.split())) == (2, True), err


def test_a_model_without_a_control_net_reads_none(command_line, tiny_folder, tmp_path):
    picture(1).save(tmp_path / "control.png")
    code, _, err, _ = command_line(*EDIT, "--model", str(tiny_folder), "--control-image", "control.png")
    assert (code, "the model has no ControlNet" in " ".join(err.split())) == (2, True), err


def test_pairs_are_made_without_one(command_line, controlled_folder, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"source": "a dog", "target": "a cat"}\n')
    code, _, err, _ = command_line("pairs", "rows.jsonl", "p", "--model", str(controlled_folder))
    assert (code, "pairs are made with models that prompts alone guide" in " ".join(err.split())) == (2, True), err
