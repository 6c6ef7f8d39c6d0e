"""The trained joint model: what it draws, and that an edit of it by joint attention holds the picture."""

import pytest

from wordbrush import Editor
from wordbrush.maps.arrays import resize
from wordbrush.metrics.likeness import Likeness
from wordbrush.models.folder import joint_folder
from wordbrush.runs.results import Source
from wordbrush.scenes.judge.judge import Judge

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"


@pytest.fixture(scope="module")
def editor() -> Editor:
    folder = joint_folder()
    assert folder is not None, "models/joint is part of a checkout"
    return Editor.from_pretrained(folder)


@pytest.fixture(scope="module")
def source(editor: Editor) -> Source:
    return editor.generate(PROMPT, seed=1, num_inference_steps=10)


def test_it_is_used_as_stable_diffusion_3_is(editor: Editor) -> None:
    assert editor.model.defaults.edit == "own"
    assert editor.model.defaults.recipe == "published"
    assert editor.model.defaults.inversion == "flow-edit"


def test_a_swap_draws_the_new_thing_and_holds_the_rest(editor: Editor, source: Source) -> None:
    judge = Judge.load()
    assert all(judge(source.image).shows(noun) for noun in ("dog", "apple"))
    edited = editor.edit(source, TARGET, local_blend="auto")
    seen = judge(edited.image)
    assert seen.shows("cat")
    assert seen.shows("apple")
    assert not seen.shows("dog")
    plain = editor.regenerate(source, TARGET)
    held, moved = (Likeness.of(source.image, picture).psnr for picture in (edited.image, plain.image))
    assert held > moved


def test_its_words_look_at_what_they_name(editor: Editor, source: Source) -> None:
    maps = editor.maps(source)
    seen = Judge.load()(source.image)
    for word in ("dog", "apple"):
        there = seen.where(word)
        assert there.flat[resize(maps.word(word), there.shape).argmax()]
