import numpy as np
import pytest

from wordbrush.editor import Editor
from wordbrush.errors import SettingsError


@pytest.fixture(scope="module")
def made(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    return editor, editor.generate("a dog", seed=3, num_inference_steps=2)


def test_the_last_latents_are_the_picture_and_the_first_are_noise(made):
    editor, source = made
    shown = [np.asarray(editor.latents_picture(source, step)) for step in range(3)]
    np.testing.assert_array_equal(shown[-1], np.asarray(source.image))
    assert (shown[0] != shown[-1]).any()


def test_a_step_that_the_source_has_not_is_refused(made):
    editor, source = made
    for step in (-1, 3):
        with pytest.raises(SettingsError, match=f"step is {step}; give a whole number from 0 to 2"):
            editor.latents_picture(source, step)
    with pytest.raises(SettingsError, match="step is 2; give a whole number from 0 to 1"):
        editor.noised_picture(source, 2)
