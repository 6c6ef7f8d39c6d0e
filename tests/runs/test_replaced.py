"""What a run leaves of the one before it in its folder."""

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wordbrush.cli.comparison import beside_plain
from wordbrush.editor import Editor
from wordbrush.errors import RecordError
from wordbrush.runs.png import CHUNK, read_record, save_sheet

RUN = {"num_inference_steps": 1}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_no_picture_of_another_run_stays_beside_a_record(editor, tmp_path):
    source = editor.generate("a dog on a mat", seed=1, **RUN)
    editor.edit(source, "a cat on a mat", local_blend="cat").save(tmp_path)
    assert names(tmp_path) == ["edited-mask.png", "edited.png", "record.json", "source.png"]
    for result in editor.edit(source, ["a cat on a mat", "a red dog on a mat"]):
        result.save(tmp_path)
    assert names(tmp_path) == ["edited-1.png", "edited-2.png", "record.json", "source.png"]
    editor.generate("a dog on a mat", seed=2, **RUN).save(tmp_path)
    assert names(tmp_path) == ["record.json", "source.png"]


def test_the_edits_of_a_source_stay_where_it_is_saved_again(editor, tmp_path):
    source = editor.generate("a dog", **RUN)
    editor.edit(source, "a cat").save(tmp_path)
    source.save(tmp_path)
    assert names(tmp_path) == ["edited.png", "record.json", "source.png"]


def test_nothing_else_is_removed(editor, tmp_path):
    source = editor.generate("a dog", seed=1, **RUN)
    edit = editor.edit(source, "a cat")
    edit.save(tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    outside = tmp_path.parent / "mine.png"
    outside.write_bytes((tmp_path / "edited.png").read_bytes())
    record["image_sha256"]["../mine"] = record["image_sha256"]["edited"]
    (tmp_path / "record.json").write_text(json.dumps(record))
    edit.image.rotate(90).save(tmp_path / "edited.png")  # somebody worked on it
    editor.generate("a dog", seed=2, **RUN).save(tmp_path)
    assert outside.exists()
    assert names(tmp_path) == ["edited.png", "record.json", "source.png"]
    assert read_record(tmp_path / "record.json").generation.seed == 2


def test_the_sheet_of_another_run_is_removed_and_nobody_elses(editor, tmp_path):
    source = editor.generate("a dog", seed=1, **RUN)
    edit, sheet = editor.edit(source, "a cat"), tmp_path / "comparison.png"
    picture = beside_plain(editor, [edit])
    edit.save(tmp_path)
    save_sheet(picture, sheet, edit.record)
    assert read_record(sheet) == edit.record
    edit.save(tmp_path)
    source.save(tmp_path)
    assert sheet.exists()
    edit.save(tmp_path)
    editor.edit(source, "a big dog").save(tmp_path)
    assert names(tmp_path) == ["edited.png", "record.json", "source.png"]
    for mine in ("another file", "drawn on"):
        edit.save(tmp_path)
        save_sheet(picture, sheet, edit.record)
        with Image.open(sheet) as opened:
            opened.load()
            kept = PngInfo()
            if mine == "drawn on":  # by a program that keeps what a file carries
                kept.add_itxt(CHUNK, opened.info[CHUNK])
            opened.rotate(180).save(sheet, pnginfo=kept)
        editor.generate("a dog", seed=2, **RUN).save(tmp_path)
        assert names(tmp_path) == ["comparison.png", "record.json", "source.png"]


@pytest.mark.parametrize("content", ["[]", "{}", "3", "[" * 100_000, '{"pixel_sha256": "", "record": {}}', "no JSON"])
def test_a_sheet_that_is_none_stays(editor, tmp_path, content):
    source = editor.generate("a dog", seed=1, **RUN)
    source.save(tmp_path)
    info = PngInfo()
    info.add_itxt(CHUNK, content)
    Image.new("RGB", (2, 2)).save(tmp_path / "comparison.png", pnginfo=info)
    editor.generate("a dog", seed=2, **RUN).save(tmp_path)
    assert names(tmp_path) == ["comparison.png", "record.json", "source.png"]
    with pytest.raises(RecordError):
        read_record(tmp_path / "comparison.png")


def test_the_command_line_leaves_no_sheet_of_another_run(command_line, tiny_folder, tmp_path):
    run = ["--steps", "1", "--out", "o", "--model", str(tiny_folder)]
    assert command_line("edit", "a dog", "a cat", *run)[0] == 0
    assert (tmp_path / "o/comparison.png").exists()
    for replacing in (["edit", "a dog", "a bear", "--no-comparison"], ["generate", "a dog", "--seed", "5"]):
        assert command_line("edit", "a dog", "a cat", *run)[0] == 0
        assert command_line(*replacing, *run)[0] == 0
        assert not (tmp_path / "o/comparison.png").exists()
