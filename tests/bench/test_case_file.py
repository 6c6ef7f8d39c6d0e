import json

import numpy as np
import pytest
from PIL import Image

from wordbrush.errors import DataError
from wordbrush_bench.case_file import read_case_file

PROMPTS = {"source_prompt": "a cat", "target_prompt": "a dog"}


@pytest.fixture
def folder(tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8))
    picture.save(tmp_path / "cat.jpg")
    mask = Image.new("L", (32, 24))
    mask.paste(255, (0, 0, 16, 24))
    mask.save(tmp_path / "mask.png")
    return tmp_path


def written(folder, *lines):
    path = folder / "cases.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_a_line_is_a_case(folder):
    line = {**PROMPTS, "picture": "cat.jpg", "mask": "mask.png", "kind": "change-object", "id": "one"}
    line |= {"source_words": ["cat"], "target_words": ["dog"], "seed": 3, "perfect": "cat.jpg"}
    (case,), problems = read_case_file(written(folder, line))
    assert problems == []
    assert (case.id, case.kind, case.origin, case.seed) == ("one", "change-object", "photograph", 3)
    assert (case.source_words, case.target_words) == (("cat",), ("dog",))
    material = case.material()
    assert material.photo.size == (32, 24)
    assert material.mask[:, :16].all()
    assert not material.mask[:, 16:].any()


def test_what_may_be_left_out(folder):
    (case,), _ = read_case_file(written(folder, "", PROMPTS, ""))
    assert (case.id, case.kind, case.origin, case.seed) == ("line 2", "mixed", "generated", 0)
    assert case.material().photo is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        ({"source_prompt": "a"}, "no 'target_prompt'"),
        ({**PROMPTS, "kind": "no"}, "its kind is 'no'"),
        ({**PROMPTS, "colour": "no"}, "has 'colour'"),
        ({**PROMPTS, "seed": "1"}, "seed is '1'"),
        ({**PROMPTS, "source_words": "cat"}, "source_words is 'cat'"),
        ({**PROMPTS, "id": "good"}, "taken already"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_fails_alone(folder, line, said):
    cases, problems = read_case_file(written(folder, {**PROMPTS, "id": "good"}, line))
    assert len(problems) == 1
    assert "line 2" in problems[0]
    assert said in problems[0]
    with pytest.raises(DataError, match=r"line 2"):
        cases[1].material()
    cases[0].material()


def test_pictures_are_checked_when_they_are_read(folder):
    Image.new("L", (8, 8)).save(folder / "small.png")
    lines = [{"picture": "none.jpg"}, {"picture": "cat.jpg", "mask": "small.png"}]
    lines += [{"picture": "cat.jpg", "perfect": "small.png"}]
    cases, _ = read_case_file(written(folder, *({**PROMPTS, **line} for line in lines)))
    for case, said in zip(cases, ["is missing", "8 x 8 pixels and the picture of 32 x 24", "perfect"], strict=True):
        with pytest.raises(DataError, match=said):
            case.material()


def test_what_is_no_file_of_cases_is_refused(folder):
    with pytest.raises(DataError, match="cannot be read"):
        read_case_file(folder / "none.jsonl")
    with pytest.raises(DataError, match=r"no line of .* is a case"):
        read_case_file(written(folder, ""))
    with pytest.raises(DataError, match=r"no line of .* is a case \(.*line 1"):
        read_case_file(written(folder, "{"))
    (folder / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_case_file(folder / "bytes.jsonl")
