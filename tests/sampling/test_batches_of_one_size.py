"""The law that sets of pairs are made by: in calls of one size, what runs beside a picture does not show in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from wordbrush import Editor
from wordbrush.editor import split_options
from wordbrush.errors import SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.processor import is_slow
from wordbrush.pairs.tries import chosen

PICTURES = 10


def asked(editor: Editor, prompt: str, targets: list[str], **options):
    generation, edit = split_options({"num_inference_steps": 2, **options})
    made = editor.generation_settings(prompt, **generation)
    return made, editor.edit_settings(targets, made, **edit)


def latents(results) -> list[torch.Tensor]:
    return [results[0].source.kept.latents[-1], *(result.way[-1] for result in results)]


def assert_equal(one, other) -> None:
    assert [torch.equal(*both) for both in zip(one, other, strict=True)] == [True] * len(one)


def check_the_law(editor: Editor) -> None:
    """Neighbours, the place in the batch, and how a source's edits are divided change no bit."""
    targets = ["a cat eating an apple", "a sketch of a dog eating an apple", "a dog eating an apple beside a hat"]
    mine = asked(editor, "a dog eating an apple", targets, seed=5)
    others = [
        asked(editor, "a lion on the beach", ["a fox on the beach"], seed=9, cross_replace_steps=0.0),
        asked(editor, "a pig", ["a red pig", "a pig at night"], local_blend="auto"),
    ]
    (alone,) = editor.generate_and_edit_all([mine], PICTURES, capture=MapsRequest())
    beside = editor.generate_and_edit_all([*others, mine], PICTURES)[2]
    assert_equal(latents(alone), latents(beside))
    first, rest = (editor.generate_and_edit_all([(mine[0], part), *others], PICTURES)[0] for part in divided(mine[1]))
    assert_equal(latents(alone), [*latents(first), *latents(rest)[1:]])
    assert_equal(latents(alone)[:1], latents(rest)[:1])


def divided(edit):
    return chosen(edit, [0]), chosen(edit, [1, 2])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_runs_beside_a_picture_does_not_show_in_it(dtype):
    if is_slow(dtype):
        pytest.skip(f"this processor has no instructions for {dtype}, and nobody would make a set in it")
    check_the_law(Editor.from_pretrained(dtype=dtype, keep_bytes=0))


@pytest.mark.skipif(sys.platform == "darwin", reason="the variables are of x86 processors")
def test_nor_does_it_on_processors_of_another_instruction_set():
    paths = os.pathsep.join(map(str, (Path(__file__).parent, *sys.path)))
    narrow = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "PYTHONPATH": paths}
    code = "import test_batches_of_one_size as law; law.check_the_law(law.Editor.from_pretrained(keep_bytes=0))"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **narrow}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_record_is_enough_to_make_one_of_a_batch_again(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, keep_bytes=0)
    both = [asked(editor, "a dog", ["a cat", "a big dog"], seed=1), asked(editor, "a red car", ["a big car"])]
    results = editor.generate_and_edit_all(both, 6)[0]
    again = editor.replay(results[1].record)
    assert again[1].record == results[1].record
    assert (again[1].image.tobytes(), again[0].source.image.tobytes()) == (
        results[1].image.tobytes(),
        results[1].source.image.tobytes(),
    )


def test_what_cannot_run_in_one_batch_is_refused_by_name(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, keep_bytes=0)
    dog = asked(editor, "a dog", ["a cat"])
    with pytest.raises(SettingsError, match="4 pictures, and the batch is of 3"):
        editor.generate_and_edit_all([dog, dog], 3)
    with pytest.raises(SettingsError, match="num_inference_steps is 2 and 3"):
        editor.generate_and_edit_all([dog, asked(editor, "a dog", ["a cat"], num_inference_steps=3)], 4)
    fast = asked(editor, "a dog", ["a cat"], fast="balanced")
    assert not editor.runs_beside_others(*fast)
    with pytest.raises(SettingsError, match="runs after its source"):
        editor.generate_and_edit_all([dog, fast], 4)
