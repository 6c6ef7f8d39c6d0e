import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_records import EXAMPLE

from wordbrush.errors import OutputError, RecordError
from wordbrush.runs.png import CHUNK, parameters, read_record, save_png
from wordbrush.runs.record import save_record

PICTURE = Image.effect_noise((16, 16), 90).convert("RGB")


@pytest.fixture
def png(tmp_path: Path) -> Path:
    save_png(PICTURE, tmp_path / "edited.png", EXAMPLE, 0)
    return tmp_path / "edited.png"


def test_pil_reads_both_chunks(png: Path) -> None:
    with Image.open(png) as image:
        image.load()
        assert image.tobytes() == PICTURE.tobytes()
        assert set(image.info) == {CHUNK, "parameters"}
        chunk = json.loads(image.info[CHUNK])
    assert chunk["picture"] == 0
    assert chunk["record"] == json.loads(EXAMPLE.to_json())


def test_the_record_comes_back_from_png_and_json(png: Path, tmp_path: Path) -> None:
    save_record(EXAMPLE, tmp_path / "record.json")
    assert read_record(png) == read_record(tmp_path / "record.json") == EXAMPLE


def test_parameters_are_what_other_tools_read() -> None:
    first, second, values = parameters(EXAMPLE, None).split("\n")
    assert first == "ein Hund, größer: 犬"
    assert second == "Negative prompt: blurry"
    assert values.startswith(
        "Steps: 50, Sampler: DDIM, CFG scale: 7.5, Seed: 7, Size: 768x512, Model hash: 0123456789, Model: name, "
    )


def test_parameters_name_the_sampler_that_ran() -> None:
    named = {name: parameters(replace(EXAMPLE, sampler=name), None) for name in ("euler", "dpm++", "flow-euler")}
    assert "Sampler: Euler," in named["euler"]
    assert "Sampler: DPM++ 2M," in named["dpm++"]
    assert "Sampler: flow-euler," in named["flow-euler"]


def test_parameters_of_an_edit_show_its_prompt_and_quote_the_source() -> None:
    lines = parameters(EXAMPLE, 0).split("\n")
    assert lines[0] == "eine Katze 🐈"
    assert lines[-1].endswith('Edited from: "ein Hund, größer: 犬"')


def test_no_negative_prompt_gives_no_line_of_it() -> None:
    plain = replace(EXAMPLE, generation=replace(EXAMPLE.generation, negative_prompt=""))
    assert "Negative prompt" not in parameters(plain, None)


def test_a_picture_of_another_tool_has_no_record(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "foreign.png")
    with pytest.raises(RecordError, match="carries no wordbrush record"):
        read_record(tmp_path / "foreign.png")


@pytest.mark.parametrize("kept", [8, 40, 300, -200])
def test_a_truncated_picture_is_refused(png: Path, kept: int) -> None:
    png.write_bytes(png.read_bytes()[:kept])
    with pytest.raises(RecordError, match=r"edited\.png"):
        read_record(png)


@pytest.mark.parametrize("chunk", ["", "{", "[]", "null", "{}", '{"record": 3}', '{"record": {"schema": 9}}'])
def test_a_damaged_chunk_is_refused(tmp_path: Path, chunk: str) -> None:
    info = PngInfo()
    info.add_itxt(CHUNK, chunk)
    PICTURE.save(tmp_path / "bad.png", pnginfo=info)
    with pytest.raises(RecordError, match=r"bad\.png"):
        read_record(tmp_path / "bad.png")


def test_files_that_are_no_record_are_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list.json").write_text("[]")
    for name in ("missing.json", ".", "binary", "list.json"):
        with pytest.raises(RecordError) as caught:
            read_record(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_a_picture_that_cannot_be_put_there_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "edited.png").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        save_png(PICTURE, tmp_path / "edited.png", EXAMPLE, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["edited.png"]
