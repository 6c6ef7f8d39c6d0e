"""Guides on the command line: their pictures are options of the model, recorded, and asked for by a replay."""

import shutil

import pytest
from safetensors.torch import save_file

from wordbrush.runs.png import read_record
from wordbrush_bench.tiny.guided import picture, tiny_controlled, tiny_image_encoder, tiny_ip_adapter
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

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
        (["--controlnet-conditioning-scale", "0.5"], "goes with --control-image, which is not given"),
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


@pytest.fixture(scope="module")
def ip_adapter(tmp_path_factory):
    """A file as IP-Adapters are published, with its image encoder beside it."""
    folder = tmp_path_factory.mktemp("ip")
    save_file(tiny_ip_adapter(tiny_pipeline().unet), folder / "look.safetensors")
    tiny_image_encoder().save_pretrained(folder / "image_encoder")
    return folder / "look.safetensors"


def test_an_edit_beside_an_ip_adapter_is_recorded_and_replayed(command_line, tiny_folder, ip_adapter, tmp_path):
    picture(1).save(tmp_path / "look.png")
    picture(2).save(tmp_path / "other.png")
    look = ["--ip-adapter-image", "look.png"]
    given = ["--ip-adapter", str(ip_adapter), *look, "--ip-adapter-scale", "0.5"]
    code, _, err, _ = command_line(*EDIT, "--model", str(tiny_folder), *given, "--out", "o")
    assert code == 0, err
    record = read_record(tmp_path / "o" / "record.json")
    assert [one.kind for one in record.model.adapters] == ["ip-adapter", "image-encoder"]
    assert record.model.guides.ip_adapter_scale == 0.5
    again = ["replay", "o/edited.png", "--out", "again"]
    moved = shutil.copy(ip_adapter, tmp_path / "moved.safetensors")
    encoder = ["--image-encoder", str(ip_adapter.parent / "image_encoder")]
    for options in (look, [*look, "--ip-adapter", str(moved), *encoder]):
        code, out, err, _ = command_line(*again, *options)
        assert code == 0, err
        assert "the pixels of source, edited are the recorded ones" in out
    for options, told in (
        ([], "--ip-adapter-image FILE"),
        (["--ip-adapter-image", "other.png"], "there are other guides, or none"),
        ([*look, "--ip-adapter-scale", "0.5"], "leave out --ip-adapter-scale"),
    ):
        code, _, err, _ = command_line(*again, *options)
        assert (code, told in " ".join(err.split())) == (2, True), err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--ip-adapter", "FILE"], "--ip-adapter goes with --ip-adapter-image, which is not given"),
        (["--ip-adapter-image", "look.png"], "--ip-adapter-image goes with --ip-adapter, which is not given"),
        (["--ip-adapter-scale", "1"], "--ip-adapter-scale goes with --ip-adapter-image"),
        (["--image-encoder", "e"], "--image-encoder goes with --ip-adapter"),
        (["--ip-adapter", "none.safetensors", "--ip-adapter-image", "look.png"], "'none.safetensors' cannot be read"),
        (
            ["--ip-adapter", "FILE", "--ip-adapter-image", "look.png", "--image-encoder", "e"],
            "there is no folder 'e'",
        ),
    ],
)
def test_what_an_ip_adapter_lacks_is_told(command_line, tiny_folder, ip_adapter, tmp_path, options, told):
    picture(1).save(tmp_path / "look.png")
    options = [str(ip_adapter) if option == "FILE" else option for option in options]
    code, _, err, _ = command_line(*EDIT, "--model", str(tiny_folder), *options)
    assert (code, told in " ".join(err.split())) == (2, True), err


def test_a_part_of_the_schedule_is_recorded_and_replayed(command_line, controlled_folder, tmp_path):
    picture(1).save(tmp_path / "control.png")
    image = ["--control-image", "control.png"]
    part = ["--control-guidance-start", "0.5", "--control-guidance-end", "1"]
    code, _, err, _ = command_line(*EDIT, "--model", str(controlled_folder), *image, *part, "--out", "o")
    assert code == 0, err
    guides = read_record(tmp_path / "o" / "record.json").model.guides
    assert (guides.control_guidance_start, guides.control_guidance_end) == ((0.5,), (1.0,))
    again = ["replay", "o/edited.png", "--out", "again", *image]
    code, out, err, _ = command_line(*again)
    assert code == 0, err
    assert "the pixels of source, edited are the recorded ones" in out
    for options, told in (
        ([*again, *part], "leave out --control-guidance-start"),
        ([*EDIT, "--control-guidance-end", "0.5"], "--control-guidance-end goes with --control-image"),
        ([*EDIT, "--model", str(controlled_folder), *image, "--control-guidance-end", "0"], "0 <= start < end <= 1"),
    ):
        code, _, err, _ = command_line(*options)
        assert (code, told in " ".join(err.split())) == (2, True), err
