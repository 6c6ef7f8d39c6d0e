"""Numbers of numpy work in every setting, or are refused by name: never first at `save`."""

from pathlib import Path

import numpy as np
import pytest

from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.errors import SettingsError
from wordbrush.runs.png import read_record


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32", keep_bytes=np.int64(1 << 20))


def test_numbers_of_numpy_are_used_recorded_and_read_again(editor, tmp_path: Path):
    edit = editor.generate_and_edit(
        "a dog on a mat",
        "a cat on a mat",
        seed=np.int64(3),
        num_inference_steps=np.uint8(2),
        guidance_scale=np.float32(4.5),
        size=(np.int32(32), np.int64(32)),
        cross_replace_steps={"default_": np.float64(0.8), "cat": (np.float32(0), np.float32(0.5))},
        self_replace_steps=np.float16(0.5),
        self_replace_max_pixels=np.int16(256),
        equalizer={"mat": np.float32(2)},
        local_blend=LocalBlend("cat", threshold=np.float32(0.25), pool=np.int8(3), hold_pixels=np.bool_(True)),
        mutual_self_attention=MutualSelfAttention(np.float32(0.5), start_layer=np.float64(0)),
    )
    edit.save(tmp_path)
    assert read_record(tmp_path / "record.json") == read_record(tmp_path / "edited.png") == edit.record
    inverted = editor.invert(edit.image, "a cat", method="edit-friendly", num_inference_steps=2, skip=np.float64(0.5))
    inverted.save(tmp_path / "photo")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1.0}, "seed is 1.0; give a whole number"),
        ({"seed": "1"}, "seed is '1'; give a whole number"),
        ({"num_inference_steps": np.float32(2)}, "num_inference_steps is .*; give a whole number"),
        ({"num_inference_steps": True}, "num_inference_steps is True; give a whole number"),
        ({"num_inference_steps": 10**9}, "num_inference_steps is 1000000000; give"),
        ({"guidance_scale": "7"}, "guidance_scale is '7'; give a number"),
        ({"guidance_scale": np.array([7.0])}, "guidance_scale is array.*; give a number"),
        ({"size": 512}, r"size is 512; give \(height, width\)"),
        ({"size": "512"}, r"size is '512'; give \(height, width\)"),
        ({"negative_prompt": Path("x")}, "negative_prompt is .*; give a text"),
        ({"equalizer": {"cat": "2"}}, "equalizer of 'cat' is '2'; give a number"),
        ({"equalizer": {"cat": np.float32("nan")}}, "the weight of 'cat' is nan"),
        ({"self_replace_steps": np.bool_(True)}, "self_replace_steps is .*; give a number"),
        ({"self_replace_max_pixels": 2.5}, "self_replace_max_pixels is 2.5; give a whole number"),
    ],
)
def test_what_is_no_such_number_is_named(editor, options, message):
    with pytest.raises(SettingsError, match=message):
        editor.generate_and_edit("a dog", "a cat", **options)
