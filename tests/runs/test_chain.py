"""Edits of edits: a result is a source whose way is known."""

import pytest
import torch

from wordbrush.editor import Editor
from wordbrush.errors import RecordError
from wordbrush.runs.record import RunRecord

STEPS = 5


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture(scope="module")
def first(editor):
    source = editor.generate("a dog on a mat", seed=4, num_inference_steps=STEPS)
    return editor.edit(source, "a cat on a mat")


def test_a_result_as_a_source_is_the_result(editor, first):
    source = editor.as_source(first)
    assert source.image.tobytes() == first.image.tobytes()
    assert source.prompt == "a cat on a mat"
    assert torch.equal(source.latents, first.latents)
    assert source.kept.num_steps == STEPS
    assert source.kept.tape.num_steps == STEPS


def test_its_own_prompt_leads_back_to_it(editor, first):
    """What its plain steps miss of its way is added to its edits: one that adds nothing is the result again."""
    source = editor.as_source(first)
    again = editor.edit(source, "a cat on a mat", equalizer={"cat": 1 + 1e-7})
    torch.testing.assert_close(again.latents, first.latents, atol=1e-3, rtol=1e-3)
    plain = editor.regenerate(source, "a cat on a mat")
    assert (plain.latents - first.latents).abs().max() > 0.01


def test_a_chain_replays_from_its_record(editor, first):
    second = editor.edit(first, "a cat on a red mat", local_blend="auto")
    third = editor.edit(second, ["a bear on a red mat", "a dog on a red mat"])[1]
    record = RunRecord.from_json(third.record.to_json())
    assert [link.edit.targets[link.index] for link in record.chain] == ["a cat on a mat", "a cat on a red mat"]
    assert record.source_prompt == "a cat on a red mat"
    again = editor.replay(record)[1]
    assert again.image.tobytes() == third.image.tobytes()
    assert again.record == third.record


def test_a_chain_that_began_in_one_batch_replays(editor):
    result = editor.generate_and_edit("a dog", ["a cat", "a bear"], num_inference_steps=3)[1]
    further = editor.edit(result, "a red bear")
    assert further.record.chain[0].together
    assert not further.record.together
    assert editor.replay(further.record)[0].image.tobytes() == further.image.tobytes()


def test_a_seed_that_was_explored_is_edited_further(editor):
    best = editor.explore("a dog", "a cat", seeds=2, num_inference_steps=3)[0].result
    further = editor.edit(best, "a red cat")
    assert editor.replay(further.record)[0].image.tobytes() == further.image.tobytes()


def test_outside_of_a_region_nothing_drifts_by_a_bit(editor, first):
    result = first
    for target in ("a bear on a mat", "a dog on a mat", "a red dog on a mat"):
        before = result
        result = editor.edit(result, target, local_blend="auto")
        held = ~result.blend_masks[-1]
        if bool(held.any()):
            assert torch.equal(result.latents[0][:, held], before.latents[0][:, held])


def test_a_photograph_is_edited_further(editor):
    photo = editor.generate("a dog", num_inference_steps=2).image
    source = editor.invert(photo, "a dog", method="edit-friendly", num_inference_steps=STEPS)
    cat = editor.edit(source, "a cat")
    red = editor.edit(cat, "a red cat")
    assert red.source.photo.tobytes() == cat.image.tobytes()
    assert editor.replay(red.record, photo=photo)[0].image.tobytes() == red.image.tobytes()
    with pytest.raises(RecordError, match="photograph"):
        editor.replay(red.record)


def test_candidates_of_a_result(editor, first):
    ranked = editor.candidates(first, "a bear on a mat", 2)
    assert all(one.result.record.chain for one in ranked)


def test_a_source_of_a_chain_is_saved_and_replays(editor, first, tmp_path):
    source = editor.as_source(first)
    source.save(tmp_path)
    again = editor.replay(source.record)
    assert again.image.tobytes() == source.image.tobytes()
