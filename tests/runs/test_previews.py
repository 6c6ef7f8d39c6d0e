"""How a picture looks while it is made."""

import numpy as np
import pytest
from PIL import Image

from wordbrush import Editor
from wordbrush.errors import OutputError, SettingsError
from wordbrush.runs.previews import Previews


@pytest.fixture(scope="module")
def editor():
    return Editor.from_pretrained()


def distance(one, other):
    return np.abs(np.asarray(one, float) - np.asarray(other, float)).mean()


@pytest.mark.parametrize("sampler", ["ddim", "euler", "dpm++", "euler-a"])
def test_previews_come_nearer_to_the_picture_and_do_not_change_it(editor, sampler):
    seen, steps = [], []
    options = {"seed": 6, "num_inference_steps": 8, "sampler": sampler}
    on_step = editor.previews(seen.append, on_step=lambda *step: steps.append(step), share=1)
    source = editor.generate("a dog eating an apple", on_step=on_step, **options)
    assert source.image.tobytes() == editor.generate("a dog eating an apple", **options).image.tobytes()
    assert steps == [(done, 8) for done in range(1, 9)]
    assert len(seen) == 8
    assert distance(seen[-1], source.image) < 4
    assert distance(seen[0], source.image) > distance(seen[4], source.image) > distance(seen[-1], source.image)


def test_an_edit_is_seen_with_its_region_held(editor):
    source, seen = editor.generate("a dog eating an apple", seed=6, num_inference_steps=6), []
    mask = np.zeros((128, 128), np.uint8)
    mask[:, 64:] = 255
    editor.edit(
        source, "a cat eating an apple", mask=Image.fromarray(mask), on_step=editor.previews(seen.append, share=1)
    )
    last, held = (np.asarray(picture, float)[:, :48] for picture in (seen[-1], source.image))
    assert np.abs(last - held).mean() < 4


def test_of_several_targets_the_last_is_shown(editor):
    source, seen = editor.generate("a dog", seed=6, num_inference_steps=4), []
    results = editor.edit(source, ["a cat", "a fox"], on_step=editor.previews(seen.append, share=1))
    assert distance(seen[-1], results[1].image) < distance(seen[-1], results[0].image)


def test_what_is_no_picture_yet_is_not_shown():
    def decode(latents):
        raise OutputError("the picture is all black")

    seen = []
    Previews(decode, seen.append).look(np.zeros((1, 4, 2, 2)))
    assert seen == []


def test_previews_take_their_share_of_the_time():
    def decode(latents):
        return Image.new("RGB", (8, 8))

    seen = []
    rare = Previews(decode, seen.append, share=1e-9)
    for _ in range(50):
        rare.look(np.zeros((1, 4, 2, 2)))
    assert len(seen) == 1


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_share_that_cannot_be_is_refused(editor, share):
    with pytest.raises(SettingsError, match="share"):
        editor.previews(print, share=share)
