"""What `bench speed` measures, on a tiny model; the numbers themselves depend on the machine."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from helpers.rounding import assert_same_latents
from wordbrush.errors import RecordError, SettingsError
from wordbrush.models.processor import LARGE, fastest_dtype
from wordbrush.peak import allocation_peak
from wordbrush_bench.speed.bench import Bench
from wordbrush_bench.speed.comparisons import COMMUNITY, OURS, PIPELINE, PLAIN, TWIN, case_names, comparisons
from wordbrush_bench.speed.journal import SpeedJournal
from wordbrush_bench.speed.measure import Machine, Measured, load_bench, measure, speed_settings
from wordbrush_bench.speed.process import ProcessPeak, measured_processes
from wordbrush_bench.speed.report import SpeedReport, markdown, missed
from wordbrush_bench.speed.scaling import scaling
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def bench(folder: Path) -> Bench:
    return load_bench(speed_settings(str(folder), None, 4, None, 1, "cpu", None, None))


@pytest.mark.parametrize("name", case_names())
def test_all_variants_of_a_case_make_the_same_pictures(bench, name):
    runs = comparisons(bench, [name])[name].runs
    made = {variant: run() for variant, run in runs.items()}
    assert_same_latents(made[PIPELINE], made[PLAIN])
    if TWIN in made:
        # All are the same algorithm: theirs begins with a source that a later edit of ours does not make again.
        assert_same_latents(made[OURS], made[TWIN][-len(made[OURS]) :])
    edits = not name.startswith(("keep", "maps"))
    assert bool((made[OURS][-1] - made[PLAIN][-1]).abs().max() > 1e-2) is edits


def test_measured_and_told(bench, tmp_path):
    seen = []
    with SpeedJournal(tmp_path / "speed.jsonl", {}) as journal:
        measured = measure(bench, ("swap", "later-latents"), 2, journal, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]
    swap = measured["swap"]
    assert set(swap.seconds) == set(swap.ratio) == set(swap.allocated) == {PLAIN, PIPELINE, OURS, TWIN}
    assert all(len(taken) == 2 and min(taken) > 0 for taken in swap.seconds.values())
    assert (swap.ratio[PLAIN].min, swap.ratio[PLAIN].max) == (1.0, 1.0)
    assert swap.allocated[TWIN] > swap.allocated[PLAIN] > 0
    assert swap.apart[TWIN]["edited"] < 1e-3
    settings = speed_settings(None, None, 4, None, 2, "cpu", None, None)
    report = SpeedReport(
        "wordbrush bench speed", settings, 32, Machine.here("cpu"), measured, "a pair", {PLAIN: ProcessPeak(1, 2)}, ()
    )
    told = markdown(report, {})
    assert f"| {swap.title} | " in told
    assert f"{2 - len(missed(report))} of 2 goals are met." in told
    assert tuple(json.loads(report.to_json())["cases"]["swap"]["seconds"][OURS]) == swap.seconds[OURS]


def test_what_was_measured_survives_a_stop(bench, tmp_path):
    path, run = tmp_path / "speed.jsonl", {"settings": {"steps": 4}}

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with SpeedJournal(path, run) as journal, pytest.raises(KeyboardInterrupt):
        measure(bench, ("swap", "keep"), 1, journal, stop)
    with path.open("ab") as file:
        file.write(b'{"name": "case keep", "meas')  # as a kill leaves it
    with SpeedJournal(path, run) as journal:
        first = journal.once(Measured, "case swap", lambda: pytest.fail("it was measured before"))
        assert measure(bench, ("swap", "keep"), 1, journal)["swap"] == first
    with SpeedJournal(path, run) as journal:
        point = scaling(bench, [], [], [1], 1, journal)
    with SpeedJournal(path, run) as journal:
        assert scaling(bench, [], [], [1], 1, journal) == point
    names = [json.loads(line).get("name") for line in path.read_text().splitlines()]
    assert names == [None, "case swap", "case keep", "steps 1"]
    with pytest.raises(RecordError, match="begun with another settings of the run"):
        SpeedJournal(path, {"settings": {"steps": 5}})


def test_scaling_has_a_point_for_each_value(bench, tmp_path):
    with SpeedJournal(tmp_path / "speed.jsonl", {}) as journal:
        curves = scaling(bench, [32], [1, 3], [1, 2], 1, journal)
    assert [(curve.name, [point.value for point in curve.points]) for curve in curves] == [
        ("size", [32]),
        ("targets", [1, 3]),
        ("steps", [1, 2]),
    ]
    assert set(curves[0].points[0].seconds) == {PLAIN, OURS, TWIN}
    assert curves[2].points[1].seconds[PLAIN] > curves[2].points[0].seconds[PLAIN]


def test_the_highest_moment_of_a_run_is_found():
    def run() -> torch.Tensor:
        first = torch.ones(1000)
        second = first + 1
        del first
        return second * 2

    assert 2 * 4000 <= allocation_peak(run, torch.device("cpu")) < 2 * 4000 + 100  # and a kernel's few bytes


def test_settings_have_defaults_and_refuse_what_is_not_there():
    large = speed_settings(None, "sd14", None, None, None, "cpu", None, None)
    assert (large.steps, large.size, large.repeats, large.dtype) == (3, 256, 3, fastest_dtype("cpu", LARGE))
    assert speed_settings(None, None, None, None, None, "cpu", None, None).dtype == "float32"
    with pytest.raises(SettingsError, match="there is no shape 'sd99'; there are sd14, sdxl"):
        speed_settings(None, "sd99", None, None, None, "cpu", None, None)


def test_a_case_that_there_is_not_is_told(bench):
    with pytest.raises(SettingsError, match="there is no case 'flight'; there are swap, add"):
        comparisons(bench, ["swap", "flight"])


def test_the_community_pipeline_is_only_there_with_a_checkout(bench):
    assert COMMUNITY not in comparisons(bench, ["swap"])["swap"].runs


def test_the_command_writes_curves(command_line, folder):
    pytest.importorskip("matplotlib")
    arguments = [
        "--model",
        str(folder),
        "--device",
        "cpu",
        "--no-cases",
        "--scaling",
        "--steps",
        "1",
        "--repeats",
        "1",
    ]
    code, out, err, files = command_line("bench", "speed", *arguments, "--out", "made")
    assert (code, files) == (
        0,
        [f"made/{name}" for name in ("size.png", "speed.json", "speed.jsonl", "speed.md", "steps.png", "targets.png")],
    )
    assert "| number of targets | plain, s | wordbrush | materialised |" in out
    assert "scaling" in err
    with Image.open("made/targets.png") as picture:
        assert picture.size == (990, 396)
    assert "![Cost against number of targets](targets.png)" in Path("made/speed.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "x", "--shape", "sd14"], "both --model and --shape are given; give one"),
        (["--no-cases"], "--no-cases without --scaling leaves nothing to measure; give --scaling"),
        (["--steps", "0"], "--steps is 0; give 1 or more"),
        (["--shape", "sd99"], "there is no shape 'sd99'; there are sd14, sdxl"),
        (["--diffusers", "nowhere"], "'nowhere' is no checkout of diffusers"),
    ],
)
def test_bad_input_is_one_line(command_line, arguments, told):
    code, _, err, files = command_line("bench", "speed", *arguments)
    assert code == 2
    assert err.startswith(f"error: {told}")
    assert err.count("\n") == 1
    assert files == []


@pytest.mark.slow
def test_whole_processes_are_measured(folder, tmp_path):
    settings = speed_settings(str(folder), None, 2, None, 1, "cpu", None, None)
    with SpeedJournal(tmp_path / "speed.jsonl", {}) as journal:
        peaks = measured_processes(settings, "swap", [PLAIN, OURS], journal)
    assert list(peaks) == [PLAIN, OURS]
    assert all(held.peak >= held.loaded > 0 for held in peaks.values())
