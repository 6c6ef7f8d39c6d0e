import numpy as np
import pytest
from PIL import Image

from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import SettingsError
from wordbrush_bench.case import Case, Material
from wordbrush_bench.pie.blend_words import occurrences
from wordbrush_bench.pie.methods import METHOD_NAMES, pie_methods, published_words


def case(source="a dog on a mat", target="a cat on a mat", words=("dog", "cat")):
    return Case("one", "change-object", "photograph", source, target, words[:1], words[1:], 1234)


@pytest.fixture(scope="module")
def editor(tiny_folder):
    return Editor.from_pretrained(tiny_folder, device="cpu")


@pytest.fixture(scope="module")
def photo():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8))


def test_words_are_found_each_time_that_they_occur():
    assert occurrences("a cat, a cat and a dog", ("cat", "dog", "bird")) == ("cat[0]", "cat[1]", "dog")


def test_published_settings_are_those_of_the_published_runs(editor):
    (method,) = pie_methods(editor, ["direct+p2p"])
    settings = method.settings
    assert settings["source"]["num_inference_steps"] == 50
    assert settings["source"]["guidance_scale"] == 7.5
    assert settings["source"]["inversion"] == "direct"
    assert settings["edit"] == {
        "edit": "refine",
        "cross_replace_steps": 0.4,
        "self_replace_steps": 0.6,
        "self_replace_max_pixels": 1024,
    }
    assert published_words(case()) == {
        "local_blend": LocalBlend(words=(), source_words=("dog",), target_words=(("cat",),)),
        "equalizer": {"cat": 2.0},
    }


def test_without_blend_words_there_is_neither_blend_nor_weight():
    assert published_words(case(words=())) == {}
    assert published_words(case(words=("fish", "bird"))) == {}


@pytest.mark.parametrize("name", ["ddim+p2p", "direct+p2p", "direct+wordbrush", "direct+wordbrush-blend"])
def test_a_photo_is_edited_at_its_own_size(editor, photo, name):
    (method,) = pie_methods(editor, [name], num_inference_steps=4)
    outcome = method.run(case(), Material(photo=photo))
    assert outcome.edited.size == outcome.source.size == photo.size
    assert outcome.edited.tobytes() != outcome.source.tobytes()
    assert any("scaled to 48 x 40" in note for note in outcome.notes)


def test_a_photo_of_the_models_size_is_not_scaled(editor, photo):
    height, width = editor.model.native_size
    (method,) = pie_methods(editor, ["direct+wordbrush"], num_inference_steps=3)
    outcome = method.run(case(), Material(photo=photo.resize((width, height))))
    assert not any("scaled" in note for note in outcome.notes)


def test_words_that_no_prompt_has_are_noted_and_the_edit_goes_on(editor, photo):
    for name in ("direct+p2p", "direct+wordbrush-blend"):
        (method,) = pie_methods(editor, [name], num_inference_steps=3)
        outcome = method.run(case(words=("fish", "cat")), Material(photo=photo))
        assert "'fish' is not in 'a dog on a mat'" in outcome.notes


def test_unknown_methods_are_named_with_the_known(editor):
    with pytest.raises(SettingsError, match=r"no method 'p2p'; give some of ddim\+p2p, null-text\+p2p"):
        pie_methods(editor, ["p2p"])
    assert len(pie_methods(editor, METHOD_NAMES)) == len(METHOD_NAMES)
