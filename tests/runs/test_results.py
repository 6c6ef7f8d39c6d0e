"""What results show of themselves in a notebook."""

import base64
import io
import re

import pytest
from PIL import Image

from helpers.pages import Page
from wordbrush.editor import Editor
from wordbrush.runs.png import read_record
from wordbrush.runs.results import EditResult, Source

NASTY = 'a dog <script>alert("x")</script> $y$'


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture(scope="module")
def source(editor) -> Source:
    return editor.generate(NASTY, seed=3, num_inference_steps=2)


@pytest.fixture(scope="module")
def edit(editor, source) -> EditResult:
    return editor.edit(source, NASTY.replace("dog", "cat"), equalizer={"y": 2.0})


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r"data:image/png;base64,([^\"]+)", html)]


def test_a_source_shows_its_picture_prompt_and_settings(source):
    page = Page(source._repr_html_())
    assert NASTY in page.text
    assert "seed\N{NO-BREAK SPACE}3" in page.text
    assert [a["alt"] for tag, a in page.elements if tag == "img"] == [f"source: {NASTY}"]
    assert "script" not in [tag for tag, _ in page.elements]


def test_an_edit_shows_both_pictures_what_changed_and_what_acted(edit):
    page = Page(edit._repr_html_())
    assert [a["alt"] for tag, a in page.elements if tag == "img"] == [f"source: {NASTY}", f"edited: {edit.target}"]
    tags = [tag for tag, _ in page.elements]
    assert (tags.count("del"), tags.count("ins")) == (1, 1)
    assert "acted: 'dog' -> 'cat', 'y' x 2" in page.text
    assert f"{edit.record.controlled_calls} attention calls controlled" in page.text


def test_pictures_shown_are_the_pictures_and_carry_their_record(edit, tmp_path):
    shown = pictures(edit._repr_html_())
    for png, image in zip(shown, (edit.source.image, edit.image), strict=True):
        assert Image.open(io.BytesIO(png)).tobytes() == image.tobytes()
    assert edit._repr_png_() == shown[1]
    (tmp_path / "dragged.png").write_bytes(shown[1])
    assert read_record(tmp_path / "dragged.png") == edit.record


def test_several_edits_show_their_source_once(editor, source):
    edits = editor.edit(source, ["a cat", "a big dog"])
    page = Page(edits._repr_html_())
    assert [a["alt"] for tag, a in page.elements if tag == "img"] == [
        f"source: {NASTY}",
        "edited: a cat",
        "edited: a big dog",
    ]
    assert len(edits) == 2


def test_a_record_shows_its_run(edit):
    page = Page(edit.record._repr_html_())
    assert {"table", "details"} <= {tag for tag, _ in page.elements}
    for text in (NASTY, edit.target, "'dog' -> 'cat'", edit.record.image_sha256["edited"]):
        assert text in page.text


def test_what_is_printed_is_one_short_line(source, edit):
    assert repr(source) == f"<Source {NASTY!r}, seed 3, 32 x 32>"
    assert repr(edit) == f"<EditResult {NASTY!r} -> {edit.target!r}, seed 3, 32 x 32>"
