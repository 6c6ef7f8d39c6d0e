"""Photographs on the command line: what it says, writes and keeps, and one line for what it refuses."""

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers.picture_files import picture, saved, with_orientation
from wordbrush.metrics.squeezenet import SqueezeNet

DOG, CAT = "a dog eating an apple", "a cat eating an apple"
FAST = ["--steps", "2", "--no-comparison", "--out", "o"]


@pytest.fixture
def run(command_line, tiny_folder, tmp_path, monkeypatch):
    """Run the command line with the tiny model, in a folder with a photo on its side, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "photo.jpg").write_bytes(saved(picture(60, 40), "JPEG", exif=with_orientation(6)))

    def call(*arguments: str, model: Path | None = tiny_folder):
        code, out, err, made = command_line(*arguments, *(["--model", str(model)] if model else []))
        return code, out, err, [name for name in made if name.startswith("o/")]

    return call


def kept(tmp_path: Path) -> int:
    return len(list((tmp_path / "cache").rglob("*.safetensors")))


@pytest.mark.parametrize(
    "named", [["photo.jpg", CAT, "--source-prompt", DOG], [CAT, "--photo", "photo.jpg", "--source-prompt", DOG]]
)
def test_a_photo_is_edited_and_its_inversion_kept(run, tmp_path, named):
    code, out, err, made = run("edit", *named, *FAST)
    assert (code, made) == (0, ["o/edited.png", "o/record.json", "o/source.png"]), err
    assert "'photo.jpg': turned upright, as its metadata says" in out
    assert re.search(r"edit-friendly, \d steps: [\d.]+ s, \d model calls of \d+ rows in all, \d+ MiB at most", out)
    assert re.search(r"came back: PSNR [\d.]+ dB, SSIM -?[\d.]+; the autoencoder alone: PSNR [\d.]+ dB", out)
    assert "'dog' -> 'cat'" in out
    with Image.open(tmp_path / "o/edited.png") as edited:
        assert edited.size == (40, 60)
    assert kept(tmp_path) == 1
    first = (tmp_path / "o/edited.png").read_bytes()
    assert "the inversion was kept from before" in run("edit", *named, *FAST)[1]
    assert (tmp_path / "o/edited.png").read_bytes() == first


def test_a_sheet_shows_the_photo_beside_its_edit(run, tmp_path):
    code, _, err, made = run("edit", "photo.jpg", CAT, "--source-prompt", DOG, "--steps", "2", "--out", "o")
    assert code == 0, err
    assert "o/comparison.png" in made
    with Image.open(tmp_path / "o/comparison.png") as sheet:
        assert sheet.width > 4 * 256  # photo, source, edit, plain


def test_lpips_is_told_where_its_weights_are(run, tmp_path):
    torch.manual_seed(0)
    save_file(SqueezeNet().state_dict(), tmp_path / "squeezenet.safetensors")
    asked = ["--prompt", DOG, "--steps", "2", "--out", "o", "--lpips"]
    code, out, err, _ = run("invert", "photo.jpg", *asked, "squeezenet.safetensors")
    assert code == 0, err
    told = float(re.search(r"LPIPS of what came back \(SqueezeNet, lower is better\): ([\d.]+)", out)[1])
    assert json.loads((tmp_path / "o/report.json").read_text())["lpips"] == pytest.approx(told, abs=1e-4)
    assert told > 0
    code, out, err, _ = run("invert", "photo.jpg", *asked, "photo.jpg")
    assert (code, out.count("LPIPS")) == (2, 0)
    assert "photo.jpg" in err


def test_a_picture_that_does_not_come_back_is_told(run):
    drift = ["--method", "ddim", "--guidance", "20", "--steps", "3", "--prompt", DOG, "--out", "o"]
    code, out, err, _ = run("invert", "photo.jpg", *drift, model=None)
    assert code == 0, err
    assert re.search(r"warning: the picture did not come back: [\d.]+ dB where the autoencoder alone gives", err)
    assert "ddim, 3 steps" in out


def test_several_targets_a_mask_and_words_by_weight(run, tmp_path):
    mask = Image.new("L", (40, 60))
    mask.paste(255, (0, 0, 40, 40))
    mask.save(tmp_path / "mask.png")
    targets = [CAT, "a bear eating an apple"]
    code, _, err, made = run(
        "edit", "photo.jpg", *targets, "--source-prompt", DOG, "--mask", "mask.png", "--no-cache", *FAST
    )
    assert code == 0, err
    assert "o/edited-2-mask.png" in made
    assert kept(tmp_path) == 0
    code, out, _, _ = run("edit", "--photo", "photo.jpg", "--source-prompt", DOG, "--weight", "apple=3", *FAST)
    assert code == 0
    assert "'apple' x 3" in out


def test_invert_reports_and_keeps(run, tmp_path):
    arguments = ["invert", "photo.jpg", "--prompt", DOG, "--method", "edit-friendly", "--setting", "skip=0.5"]
    code, out, _, made = run(*arguments, "--steps", "4", "--out", "o", "--cache-dir", "here")
    assert code == 0
    assert "edit-friendly, 2 steps: " in out
    assert "came back: PSNR" in out
    assert made == ["o/record.json", "o/report.json", "o/source.png"]
    report = json.loads((tmp_path / "o/report.json").read_text())
    assert report["method"] == "edit-friendly"
    assert report["num_steps"] == 2
    assert report["reconstruction"]["psnr"] > 0
    assert json.loads((tmp_path / "o/record.json").read_text())["photo"]["inversion"]["settings"]["skip"] == 0.5
    assert len(list((tmp_path / "here").iterdir())) == 1
    assert kept(tmp_path) == 0
    assert run(*arguments, "--steps", "4", "--out", "o", "--quiet", "--no-cache")[1] == ""


def test_h_edit_is_a_method_whose_setting_is_recorded_and_replayed(run, tmp_path):
    own = ["--method", "h-edit", "--setting", "source_guidance_part=0.9"]
    code, out, err, _ = run("edit", "photo.jpg", CAT, "--source-prompt", DOG, *own, *FAST)
    assert code == 0, err
    assert "h-edit, 2 steps: " in out
    record = json.loads((tmp_path / "o/record.json").read_text())
    assert record["photo"]["inversion"]["settings"] == {"skip": 0.0, "source_guidance_part": 0.9}
    edited = (tmp_path / "o/edited.png").read_bytes()
    code, _, err, _ = run("replay", "o/record.json", "--photo", "photo.jpg", "--out", "again")
    assert code == 0, err
    assert (tmp_path / "again/edited.png").read_bytes() == edited
    code, _, err, _ = run("edit", "photo.jpg", CAT, "--source-prompt", DOG, *own[:3], "source_guidance_part=2", *FAST)
    assert code == 2
    assert "source_guidance_part is 2" in err


def test_a_photo_is_edited_without_an_inversion(run, tmp_path):
    arguments = ["edit", "photo.jpg", CAT, "--source-prompt", DOG, "--method", "chord", "--setting", "t_end=0"]
    code, out, err, _ = run(*arguments, *FAST)
    assert code == 0, err
    assert re.search(r"chord, 2 steps: [\d.]+ s, 2 model calls", out)
    record = json.loads((tmp_path / "o/record.json").read_text())
    assert record["photo"]["inversion"]["settings"] == {"t_start": 0.9, "delta": 0.15, "t_end": 0.0, "scale": 1.0}
    code, _, err, _ = run(*arguments[:-1], "t_start=1", *FAST)
    assert (code, "t_start is 1; give a number from above 0 to below 1" in err) == (2, True)


def test_without_a_prompt_it_is_empty_or_a_captioners(run, tmp_path, captioner_folder):
    code, _, err, _ = run("invert", "photo.jpg", "--steps", "2", "--out", "o")
    assert code == 0, err
    assert json.loads((tmp_path / "o/record.json").read_text())["generation"]["prompt"] == ""
    code, _, err, _ = run("invert", "photo.jpg", "--method", "null-text", "--steps", "2", "--out", "o")
    assert code == 2
    assert "which is empty" in err
    code, out, _, _ = run("invert", "photo.jpg", "--captioner", str(captioner_folder), "--steps", "2", "--out", "o")
    assert code == 0
    said = re.search(r"it shows, says the captioner: (.+)", out)
    assert said is not None
    assert json.loads((tmp_path / "o/record.json").read_text())["generation"]["prompt"] == said[1]


def test_a_photo_edit_replays_with_its_photo(run, tmp_path):
    run("edit", "photo.jpg", CAT, "--source-prompt", DOG, "--blend", "auto", *FAST)
    code, out, err, _ = run("replay", "o/record.json", "--photo", "photo.jpg", "--out", "again", model=None)
    assert code == 0, err
    assert "bit for bit" in out
    assert (tmp_path / "again/edited.png").read_bytes() == (tmp_path / "o/edited.png").read_bytes()
    for options, reason in (
        ([], "add --photo FILE"),
        (["--photo", "o/edited.png"], "the photo has other pixels"),
        (["--photo", "gone.png"], "cannot be read"),
    ):
        code, _, err, _ = run("replay", "o/record.json", *options, "--out", "third", model=None)
        assert code == 2
        assert reason in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["edit", "photo.jpg", CAT],
            "'photo.jpg' looks like a file, not like a prompt; to edit it add --source-prompt",
        ),
        (["edit", CAT, "--photo", "gone.jpg"], "'gone.jpg' cannot be read (No such file or directory)"),
        (["edit", "a dog", CAT, "--invert", "direct"], "'a dog' cannot be read"),
        (["edit", "--invert", "direct", "--weight", "dog=2"], "--invert is about a photograph, and none is given"),
        (["edit", "--weight", "dog=2"], "there is no SOURCE prompt"),
        (["edit", "--photo", "photo.jpg"], "there is no TARGET prompt"),
        (["edit", "photo.jpg", CAT, "--invert", "magic"], "there is no method 'magic'; give one of direct, ddim"),
        (["edit", "photo.jpg", CAT, "--setting", "skip"], "--setting 'skip' is not NAME=VALUE"),
        (["edit", "photo.jpg", CAT, "--setting", "seed=3"], "has no setting 'seed'"),
        (["edit", "photo.jpg", CAT, "--no-cache", "--cache-dir", "c"], "do not go together"),
        (["invert", "broken.png"], "'broken.png' is a broken PNG"),
        (["invert", "http://127.0.0.1/a.png"], "is a web address, and only files are read; download the picture"),
        (["invert", "photo.jpg", "--captioner", "nothing"], "'nothing' is not a captioner"),
        (["invert", "photo.jpg", "--size", "33"], "height is 33"),
        (["invert", "photo.jpg", "--sampler", "own"], "--sampler does not go with a photograph"),
    ],
)
def test_what_is_refused_is_told_in_one_line_and_nothing_is_written(run, tmp_path, arguments, reason):
    (tmp_path / "broken.png").write_bytes(saved(picture(), "PNG")[:60])
    code, _, err, made = run(*arguments, "--out", "o", "--steps", "2")
    assert code == 2
    assert reason in err.strip().splitlines()[-1]
    assert made == []
    assert kept(tmp_path) == 0
