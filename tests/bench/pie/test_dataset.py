"""A data set as it should be, and what is said of one that is not."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from wordbrush.errors import DataError
from wordbrush_bench.case import KINDS
from wordbrush_bench.pie.cases import read_pie
from wordbrush_bench.pie.mapping import PUBLISHED_COUNTS, read_mapping, without_brackets
from wordbrush_bench.pie.miniature import write_miniature
from wordbrush_bench.scenes.cases import scene_cases


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pie") / "data"
    write_miniature(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "data")


def entries(folder):
    return json.loads((folder / "mapping_file.json").read_text())


def rewrite(folder, **changes):
    """Change fields of the first entry, or take them out (None)."""
    content = entries(folder)
    name = next(iter(content))
    content[name] = {k: v for k, v in {**content[name], **changes}.items() if v is not None}
    (folder / "mapping_file.json").write_text(json.dumps(content))
    return name


def test_the_published_counts_are_700_cases():
    assert sum(PUBLISHED_COUNTS.values()) == 700
    assert list(PUBLISHED_COUNTS) == list(KINDS)


def test_a_whole_data_set_gives_back_what_was_written(whole):
    cases, problems = read_pie(whole)
    written = [case for case in scene_cases(limit=1) if case.origin == "photograph"]
    assert problems == []
    assert [case.kind for case in cases] == [case.kind for case in written]
    for read, made in zip(cases, written, strict=True):
        assert (read.source_prompt, read.target_prompt) == (made.source_prompt, made.target_prompt)
        truth, found = made.material(), read.material()
        assert found.photo.tobytes() == truth.photo.tobytes()
        assert (found.mask[1:-1, 1:-1] == truth.mask[1:-1, 1:-1]).all()
        assert found.mask[0].all()


def test_prompts_lose_their_brackets_and_nothing_else(whole):
    raw = entries(whole)
    assert any("[" in entry["editing_prompt"] for entry in raw.values())
    assert not any("[" in case.target_prompt for case in read_pie(whole)[0])
    assert without_brackets("[a] cat [") == "a cat "


def test_numbers_as_kinds_are_read_too(folder):
    rewrite(folder, editing_type_id=8)
    assert read_pie(folder)[0][0].kind == "change-background"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"editing_type_id": "11"}, "editing_type_id is '11'"),
        ({"editing_type_id": None}, "editing_type_id is None"),
        ({"original_prompt": None}, "no text 'original_prompt'"),
        ({"editing_prompt": 3}, "editing_prompt is 3"),
        ({"blended_word": "cat"}, "blended_word is 'cat'"),
        ({"mask": "all"}, "no list 'mask'"),
        ({"mask": [1, 2, 3]}, "3 numbers"),
        ({"mask": [128 * 128, 4]}, "pixel 16384"),
        ({"mask_size": [64, 64]}, "a picture of 64 x 64|of one size"),
        ({"mask_size": [256, 256]}, "of one size"),
        ({"mask_size": [128]}, "mask_size"),
        ({"image_path": "../../secret.png"}, "not a path inside"),
        ({"image_path": "/etc/passwd"}, "not a path inside"),
        ({"image_path": "8_change/none.png"}, "is missing"),
    ],
)
def test_a_bad_case_fails_alone_and_says_which_it_is(folder, changes, said):
    name = rewrite(folder, **changes)
    cases, _ = read_pie(folder)
    bad, *good = cases
    assert bad.id == name
    with pytest.raises(DataError, match=said):
        bad.material()
    assert all(case.material().photo is not None for case in good)


def test_problems_are_told_before_anything_runs(folder):
    first = rewrite(folder, editing_type_id="x")
    second = entries(folder)
    path = folder / "annotation_images" / list(second.values())[1]["image_path"]
    path.unlink()
    _, problems = read_pie(folder)
    assert len(problems) == 2
    assert first in problems[0]
    assert str(path) in problems[1]


def test_a_half_copied_picture_fails_alone(folder):
    path = folder / "annotation_images" / next(iter(entries(folder).values()))["image_path"]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"is broken.*copy it again"):
        read_pie(folder)[0][0].material()
    path.write_bytes(b"not a picture")
    with pytest.raises(DataError, match="not a PNG, JPEG or WebP"):
        read_pie(folder)[0][0].material()


def test_pictures_of_another_size_than_the_masks_are_refused(folder):
    path = folder / "annotation_images" / next(iter(entries(folder).values()))["image_path"]
    Image.new("RGB", (100, 128)).save(path)
    with pytest.raises(DataError, match="128 x 128 pixels and the picture of 100 x 128"):
        read_pie(folder)[0][0].material()


def test_missing_parts_of_the_folder_are_named(folder, tmp_path):
    with pytest.raises(DataError, match=r"has no annotation_images"):
        read_pie(tmp_path)
    (folder / "mapping_file.json").rename(folder / "mapping.json")
    with pytest.raises(DataError, match=r"has no mapping_file\.json"):
        read_pie(folder)


def test_a_data_set_without_any_picture_is_refused(folder):
    shutil.rmtree(folder / "annotation_images")
    (folder / "annotation_images").mkdir()
    with pytest.raises(DataError, match="none of the 9 pictures"):
        read_pie(folder)


def test_wrong_json_is_named_with_its_line(folder):
    path = folder / "mapping_file.json"
    text = path.read_text()
    path.write_text(text.replace('"editing_type_id": "1"', '"editing_type_id": 1 2', 1))
    line = text[: text.index('"editing_type_id": "1"')].count("\n") + 1
    with pytest.raises(DataError, match=f"line {line}, column .* is not JSON"):
        read_pie(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"a": 1, "a": 2}', "[" * 100_000, "\xff"])
def test_what_is_no_mapping_is_refused(folder, text):
    (folder / "mapping_file.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"mapping_file\.json"):
        read_mapping(folder)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 3000), garbage=st.binary(max_size=8))
def test_any_truncation_is_a_typed_error_or_cases(folder, whole, cut, garbage):
    content = (whole / "mapping_file.json").read_bytes()
    (folder / "mapping_file.json").write_bytes(content[: len(content) - cut] + garbage)
    try:
        assert len(read_pie(folder)[0]) == 9
    except DataError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_masks_are_those_of_the_scenes(whole):
    masks = [case.material().mask for case in read_pie(whole)[0]]
    assert all(0.01 < np.mean(mask) <= 1 for mask in masks)
