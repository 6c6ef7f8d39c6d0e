"""A source is of the weights that made it: another editor's is refused, and one of the same weights is its own."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from wordbrush.editor import Editor
from wordbrush.errors import SettingsError
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

RUN = {"seed": 3, "num_inference_steps": 2}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Editor:
    return Editor.from_pretrained(
        tiny_sd_folder(tmp_path_factory.mktemp("models") / "other", seed=1), "cpu", "float32"
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda editor, source: editor.edit(source, "a cat"),
        lambda editor, source: editor.regenerate(source, "a cat"),
        lambda editor, source: editor.maps(source),
        lambda editor, source: editor.noised_picture(source, 1),
        lambda editor, source: editor.latents_picture(source, 1),
    ],
    ids=["edit", "regenerate", "maps", "noised picture", "latents picture"],
)
def test_the_source_of_another_model_is_refused_by_both_names(editor, other, use):
    source = other.generate("a dog", **RUN)
    with pytest.raises(SettingsError) as caught:
        use(editor, source)
    assert f"made with '{other.model.name}' ({other.model.fingerprint[:12]}" in str(caught.value)
    assert f"this editor's model is '{editor.model.name}' ({editor.model.fingerprint[:12]}" in str(caught.value)


@pytest.mark.filterwarnings("ignore::wordbrush.errors.SlowDtypeWarning")
def test_the_same_weights_in_another_dtype_are_another_editor(editor, tiny_folder):
    source = Editor.from_pretrained(tiny_folder, "cpu", "bfloat16").generate("a dog", **RUN)
    with pytest.raises(SettingsError, match=r"bfloat16 on cpu.*float32 on cpu"):
        editor.edit(source, "a cat")


def test_the_same_weights_elsewhere_are_as_good(editor, tiny_folder: Path, tmp_path: Path):
    copy = Editor.from_pretrained(shutil.copytree(tiny_folder, tmp_path / "copy"), "cpu", "float32")
    edits = [editor.edit(maker.generate("a dog", **RUN), "a cat") for maker in (editor, copy)]
    np.testing.assert_array_equal(*(np.asarray(edit.image) for edit in edits))
