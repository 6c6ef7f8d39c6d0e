"""Rows that begin with a photograph."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from helpers.pair_sets import contents
from wordbrush import Editor
from wordbrush.errors import DataError, ModelError
from wordbrush.inversion.settings import InversionSettings
from wordbrush.pairs.factory import Task, make_set
from wordbrush.pairs.local import in_this_process
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import address_of
from wordbrush.pairs.part import Part
from wordbrush.pairs.row import check_row
from wordbrush.pairs.tries import Sampling
from wordbrush_bench.tiny.joint import tiny_sd3

COLUMNS = {"source": "a red dog", "target": ["a red cat", "a big dog"], "photo": "farm/dog.png", "seed": 3}


@pytest.fixture
def photos(tmp_path):
    """A folder of one photograph, larger than the model's pictures and of another shape."""
    folder = tmp_path / "photos"
    (folder / "farm").mkdir(parents=True)
    picture = Image.new("RGB", (96, 64), (60, 140, 70))
    picture.paste((190, 60, 50), (30, 20, 70, 60))
    picture.save(folder / "farm" / "dog.png")
    return folder


@pytest.fixture
def photo_making(making, photos):
    return replace(making, photos=photos, sampling=Sampling(tries=2))


def made(editor, making, columns=COLUMNS) -> Part:
    row = check_row(1, columns, making.photos)
    (part,) = PairMaker(editor, making)(((row, address_of(making.depends_on(), row)),))
    return Part.of_bytes(part)


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_photograph_is_the_picture_before_and_its_edits_have_its_shape(tiny_editor, photo_making, photos):
    part = made(tiny_editor, photo_making)
    assert part.outcome.error is None
    assert part.outcome.tries == 4
    height, width = tiny_editor.model.native_size
    photo = Image.open(photos / "farm" / "dog.png")
    photo.thumbnail((width, height))
    assert part.samples
    for sample in part.samples:
        np.testing.assert_array_equal(picture(sample.before), np.asarray(photo))
        assert picture(sample.after).shape == picture(sample.before).shape
        assert (picture(sample.after) != picture(sample.before)).any()
        assert sample.about["photo"]["name"] == "farm/dog.png"
        assert sample.about["inversion"]["method"] == "edit-friendly"
    assert made(tiny_editor, photo_making) == part


def test_a_pair_is_what_the_editor_makes_of_the_photograph(tiny_editor, photo_making, photos):
    making = replace(photo_making, sampling=Sampling(tries=1))
    (sample,) = made(tiny_editor, making, {**COLUMNS, "target": "a red cat"}).samples
    photo = Image.open(photos / "farm" / "dog.png")
    photo.thumbnail(tiny_editor.model.native_size[::-1])
    generation = {name: making.options[name] for name in ("num_inference_steps",)}
    source = tiny_editor.invert(photo, "a red dog", seed=3, **generation)
    edit = sample.about["edit"]
    expected = tiny_editor.edit(
        source,
        "a red cat",
        cross_replace_steps=edit["cross_replace_steps"],
        self_replace_steps=making.options["self_replace_steps"],
    )
    np.testing.assert_array_equal(picture(sample.after), np.asarray(expected.image))


def test_a_flow_inverts_as_its_family_does(making, photos):
    editor = Editor.from_pipeline(tiny_sd3())
    making = replace(making, options={"num_inference_steps": 4}, photos=photos, sampling=Sampling(tries=1))
    part = made(editor, making)
    assert part.outcome.error is None
    assert {sample.about["inversion"]["method"] for sample in part.samples} == {"flow-edit"}


def test_an_address_depends_on_the_file_and_not_on_its_name(photo_making, photos):
    def address(making=photo_making, **changes):
        row = check_row(1, {**COLUMNS, **changes}, photos)
        return address_of(making.depends_on(), row)

    first = address()
    (photos / "copy.png").write_bytes((photos / "farm" / "dog.png").read_bytes())
    assert address(photo="copy.png") == first
    Image.new("RGB", (8, 8)).save(photos / "copy.png")
    assert address(photo="copy.png") != first
    other = replace(photo_making, inversion=InversionSettings.parse("direct", {}))
    assert address(other) != first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"photo": "../dog.png"}, "inside of --photos"),
        ({"photo": "/etc/passwd"}, "inside of --photos"),
        ({"photo": "none.png"}, "cannot be read"),
        ({"photo": "farm"}, "cannot be read"),
        ({"photo": 3}, "give a text"),
        ({"sampler": "ddim"}, "leave sampler out"),
    ],
)
def test_a_photograph_that_cannot_be_is_the_rows_error(photos, changes, said):
    with pytest.raises(DataError, match=said):
        check_row(1, {**COLUMNS, **changes}, photos)


def test_a_row_with_a_photograph_needs_a_folder():
    with pytest.raises(DataError, match="--photos"):
        check_row(1, COLUMNS)


def test_a_file_that_is_no_picture_is_the_rows_outcome(tiny_editor, photo_making, photos):
    (photos / "farm" / "dog.png").write_bytes(b"no picture")
    assert (made(tiny_editor, photo_making).outcome.error or "").startswith("PhotoError")


def test_a_folder_that_is_another_one_here_is_no_rows_error(tiny_editor, photo_making, photos):
    row = check_row(1, COLUMNS, photos)
    Image.new("RGB", (8, 8)).save(photos / "farm" / "dog.png")
    with pytest.raises(ModelError, match=r"not the file that it was .*run again"):
        PairMaker(tiny_editor, photo_making)(((row, "0" * 64),))


def test_a_set_of_photographs_and_of_drawn_pictures(tiny_editor, photo_making, tmp_path):
    drawn = {"source": "a red car", "target": "a big car"}
    captions = tmp_path / "rows.jsonl"
    captions.write_text("\n".join(map(json.dumps, [COLUMNS, drawn, {**COLUMNS, "photo": "none.png"}])))
    task = Task(captions, tmp_path / "set", photo_making)
    totals = make_set(task, in_this_process(PairMaker(tiny_editor, photo_making)))
    assert (totals.rows, totals.errors) == (3, 1)
    sheet = contents(task)["DATASHEET.md"].decode()
    assert "may be a photograph" in sheet
    assert "Of the photographs: not stated" in sheet
