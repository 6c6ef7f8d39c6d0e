"""The report of a stored journal, and the rows of the benchmark."""

import json

import pytest
from PIL import Image

from helpers.benchmark_parts import row
from wordbrush.editor import Editor
from wordbrush.errors import RecordError, SettingsError
from wordbrush_bench.journal import JournalWriter
from wordbrush_bench.runner import PICTURES
from wordbrush_bench.scenes.failures import failure_sheets
from wordbrush_bench.scenes.methods import METHOD_NAMES, SAID, scene_methods
from wordbrush_bench.scenes.report import write_report


@pytest.fixture
def stored(tmp_path):
    """A journal of two methods of the sweep and one that failed, on both origins."""
    methods = {"self-0": {}, "self-50": {}, "defaults": {}}
    run = {"model": "m", "fingerprint": "f" * 64, "versions": {"torch": "2"}, "device": "cpu"}
    with JournalWriter(tmp_path / "journal.jsonl", run, methods) as journal:
        for origin in ("generated", "photograph"):
            for number, kind in enumerate(("mixed", "change-pose")):
                name = f"{kind}-{origin}"
                journal.add(
                    row(name, "defaults", kind=kind, origin=origin, values={}, gaps={}, error="E: <b>broke</b>")
                )
                for method, psnr in (("self-0", 18.0), ("self-50", 22.0)):
                    values = {"success": float(number), "background PSNR": psnr + number, "seconds": 1.0}
                    journal.add(row(name, method, kind=kind, origin=origin, values=values))
    return tmp_path


def test_a_stored_journal_becomes_a_report(stored):
    written = write_report(stored, "wordbrush bench scenes")
    assert {p.name for p in written} == {
        "benchmark.md",
        "results.json",
        "cases.html",
        "self-attention.png",
        "trade-off.png",
        "success-by-kind.png",
    }
    assert all(p.stat().st_size > 500 for p in written)
    text = (stored / "benchmark.md").read_text()
    assert "| self-0 | 2 | 0 | 0.500 (0.000 to 1.000)" in text
    assert "| defaults | 2 | 2 | 0.000 (0.000 to 0.000)" in text
    assert "12 rows, of which 4 failed with an error" in text
    assert "`E: <b>broke</b>`" in text
    assert "*change-material*: no caption" in text
    results = json.loads((stored / "results.json").read_text())
    assert len(results["rows"]) == 12
    assert results["means"]["generated"]["self-50"]["means"]["background PSNR"]["value"] == 22.5


def test_edits_that_failed_are_drawn_to_be_read(stored):
    (stored / PICTURES).mkdir()
    shown = {}
    for what, colour in (("source", "red"), ("edited", "lime"), ("perfect", "blue")):
        shown[what] = f"{what}.png"
        Image.new("RGB", (128, 128), colour).save(stored / PICTURES / shown[what])
    cases = [row(f"case-{i}", "windows", values={"success": float(i == 0)}, pictures=shown) for i in range(3)]
    lost = row("lost", "windows", values={"success": 0.0}, pictures={**shown, "perfect": "gone.png"})
    (sheet,) = failure_sheets([*cases, lost, row("well", "defaults", values={"success": 1.0})], stored)
    assert sheet.name == "failures-windows.png"
    counts = {colour: count for count, colour in Image.open(sheet).getcolors(1 << 20)}
    assert [counts[colour] // 128**2 for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))] == [3, 3, 2]


def test_it_is_the_same_each_time(stored):
    first = {p: p.read_bytes() for p in write_report(stored, "c")}
    assert first == {p: p.read_bytes() for p in write_report(stored, "c")}


def test_a_broken_journal_is_named(stored):
    path = stored / "journal.jsonl"
    path.write_text(path.read_text().replace('"row"', '"raw"', 1))
    with pytest.raises(RecordError, match=r"journal\.jsonl', line 3, is neither"):
        write_report(stored, "c")


def test_rows_are_chosen_by_name_and_group(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder)
    assert [m.name for m in scene_methods(editor)] == list(METHOD_NAMES)
    assert set(METHOD_NAMES) == set(SAID)
    chosen = scene_methods(editor, ["sweep", "plain"])
    assert [m.name for m in chosen] == ["plain", "self-0", "self-25", "self-50", "self-75", "self-100"]
    with pytest.raises(SettingsError, match=r"method 'magic' is unknown; give some of no-edit, .* sweep"):
        scene_methods(editor, ["magic"])
