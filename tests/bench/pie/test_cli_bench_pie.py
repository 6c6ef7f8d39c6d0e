"""`wordbrush bench pie` from end to end, on a miniature data set of scenes and the bundled model."""

import json

import pytest
import torch
from safetensors.torch import save_file

from helpers.tiny_metrics import clip_folder, dino_folder
from wordbrush.metrics.squeezenet import SqueezeNet
from wordbrush_bench.pie.meters import CLIP, DINO, SQUEEZENET
from wordbrush_bench.pie.miniature import write_miniature

RUN = ("bench", "pie", "--data", "data", "--steps", "2", "--out", "run")


@pytest.fixture
def data(tmp_path):
    write_miniature(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "weights"
    dino_folder(folder / DINO)
    clip_folder(folder / CLIP)
    torch.manual_seed(0)
    save_file(SqueezeNet().state_dict(), folder / SQUEEZENET)
    return folder


def results(tmp_path):
    return json.loads((tmp_path / "run" / "results.json").read_text())


def test_a_run_measures_everything_and_goes_on_where_it_stopped(command_line, data, weights, tmp_path):
    arguments = (*RUN, "--kinds", "change-object", "--weights", "weights", "--methods", "direct+p2p,direct+wordbrush")
    code, out, err, _ = command_line(*arguments)
    assert (code, "failed" in err) == (0, False)
    assert "1 cases by 2 methods" in out
    made = results(tmp_path)
    assert [row["method"] for row in made["rows"]] == ["direct+p2p", "direct+wordbrush"]
    for row in made["rows"]:
        assert row["gaps"].keys() <= {"peak memory"}
        assert {"structure distance", "PSNR", "LPIPS, masked mean", "CLIP edited", "seconds"} < row["values"].keys()
        assert row["values"]["MSE"] > 0
    report = (tmp_path / "run" / "report.md").read_text()
    for said in (
        "direct+p2p",
        "| Direct + P2P | SD 1.4 | 11.65 |",
        "not reproducible",
        "as published",
        "num_inference",
    ):
        assert said in report
    assert 'src="data:image' in (tmp_path / "run" / "cases.html").read_text()

    before = (tmp_path / "run" / "journal.jsonl").read_bytes()
    assert command_line(*arguments)[0] == 0
    assert (tmp_path / "run" / "journal.jsonl").read_bytes() == before
    assert results(tmp_path)["rows"] == made["rows"]

    code, _, err, _ = command_line(*arguments, "--steps", "3")
    assert code == 2
    assert "another folder" in err


def test_a_bad_case_is_told_counted_and_does_not_end_the_run(command_line, data, tmp_path):
    content = json.loads((data / "mapping_file.json").read_text())
    kept = dict(list(content.items())[:2])
    bad = next(iter(kept))
    kept[bad]["mask"] = [128 * 128, 5]
    (data / "mapping_file.json").write_text(json.dumps(kept))
    code, _, err, _ = command_line(*RUN, "--methods", "direct+wordbrush")
    assert code == 0
    assert "1 of 2 rows failed" in err
    failed, good = results(tmp_path)["rows"]
    assert f"entry '{bad}': the mask has pixel 16384" in failed["error"]
    assert good["error"] is None
    report = (tmp_path / "run" / "report.md").read_text()
    assert f"- {bad}, direct+wordbrush: DataError" in report
    assert "- LPIPS: no weights (squeezenet1_1.safetensors); cases: direct+wordbrush (1)" in report
    assert "| direct+wordbrush | 2 | 1 | gap: no weights (dino-vitb8) |" in report


def test_own_cases_are_run_from_a_file(command_line, tmp_path):
    line = {"source_prompt": "a dog", "target_prompt": "a cat", "seed": 3}
    (tmp_path / "own.jsonl").write_text(json.dumps(line) + "\n{\n")
    arguments = (
        "bench",
        "pie",
        "--data",
        "own.jsonl",
        "--steps",
        "2",
        "--out",
        "run",
        "--methods",
        "direct+wordbrush",
    )
    code, _, err, _ = command_line(*arguments)
    assert code == 0
    assert "warning: 'own.jsonl', line 2: it is not JSON" in err
    generated, broken = results(tmp_path)["rows"]
    assert (generated["origin"], generated["error"]) == ("generated", None)
    assert "line 2" in broken["error"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--data", "none"), "'none' is not there"),
        (("--methods", "p2p"), "there is no method 'p2p'; give some of ddim+p2p"),
        (("--kinds", "change"), "there is no kind 'change'; give some of mixed"),
        (("--kinds", "change-material"), "there is no case of change-material"),
        (("--limit", "0"), "limit is 0"),
    ],
)
def test_wrong_options_are_named_and_nothing_is_run(command_line, data, tmp_path, options, said):
    code, _, err, _ = command_line(*RUN, *options)
    assert code == 2
    assert said in err
    assert not (tmp_path / "run" / "journal.jsonl").exists()


def test_a_miniature_data_set_is_written(command_line, tmp_path):
    code, out, _, _ = command_line("bench", "miniature", "--per-kind", "1", "--out", "mini")
    assert (code, "wrote 9 cases to mini" in out) == (0, True)
    entries = json.loads((tmp_path / "mini" / "mapping_file.json").read_text())
    assert all((tmp_path / "mini" / "annotation_images" / entry["image_path"]).exists() for entry in entries.values())
