"""What a run leaves of the one before it in its folder."""

import json
from pathlib import Path

import pytest

from wordbrush.editor import Editor
from wordbrush.runs.png import read_record

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
