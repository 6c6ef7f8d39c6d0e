"""Edits that act in regions, on a tiny model of real classes."""

import pytest
import torch

from helpers.rounding import assert_same_latents
from wordbrush.editor import Editor
from wordbrush.errors import SettingsError

PROMPT, TARGET = "a dog eating an apple", "a dog eating a house"
RUN = {"seed": 5, "num_inference_steps": 5, "guidance_scale": 5.0}
OPTIONS = {"resize": 2.0, "equalizer": {"red": 3.0}, "weight_region": "noun"}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def source(editor):
    return editor.generate(PROMPT, **RUN)


@pytest.mark.parametrize("resize", [0.5, 2.0])
def test_a_resized_edit_is_another_picture_and_says_so(editor, source, resize):
    plain, resized = (editor.edit(source, TARGET, resize=value) for value in ("off", resize))
    assert not torch.equal(plain.latents, resized.latents)
    assert f"'house' {resize:g} x as long as 'apple'" in resized.record.acted[0]
    assert resized.record.controlled_calls == plain.record.controlled_calls


def test_a_ratio_of_one_is_the_edit_without_it_bit_for_bit(editor, source):
    assert torch.equal(editor.edit(source, TARGET).latents, editor.edit(source, TARGET, resize=1.0).latents)


@pytest.mark.parametrize("keep_bytes", [0, 60_000])
def test_what_is_kept_of_a_source_does_not_show(editor, source, tiny_folder, keep_bytes):
    keeper = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=keep_bytes)
    less = keeper.edit(keeper.generate(PROMPT, **RUN), TARGET, resize=0.5)
    assert_same_latents(less.latents, editor.edit(source, TARGET, resize=0.5).latents)


def test_a_cold_edit_is_the_edit_of_a_kept_source_and_counts_both_runs(editor, source):
    told = []
    cold = editor.generate_and_edit(PROMPT, TARGET, resize=0.5, on_step=lambda *step: told.append(step), **RUN)
    assert_same_latents(cold.latents, editor.edit(source, TARGET, resize=0.5).latents)
    assert told == [(done, 10) for done in range(1, 11)]


def test_a_batch_of_resized_edits_is_its_single_edits(editor, source):
    targets = [TARGET, "a cat eating an apple", "a dog eating an apple in autumn"]
    batch = editor.edit(source, targets, resize=2.0)
    for target, one in zip(targets, batch, strict=True):
        assert_same_latents(one.latents, editor.edit(source, target, resize=2.0).latents)


def test_a_weight_in_a_region_differs_from_one_everywhere_and_of_a_noun_does_not(editor):
    source = editor.generate("a red cat on a mat", **RUN)
    for word, same in (("red", False), ("cat", True)):
        everywhere, region = (
            editor.edit(source, source.prompt, equalizer={word: 3.0}, weight_region=where)
            for where in ("picture", "noun")
        )
        assert torch.equal(everywhere.latents, region.latents) == same
        assert region.record.acted == ((f"'{word}' x 3" + ("" if same else " in the region of 'cat'"),),)


def test_a_weight_of_one_in_a_region_changes_nothing(editor):
    source = editor.generate("a red cat on a mat", **RUN)
    one = editor.edit(source, source.prompt, equalizer={"red": 1 + 1e-9}, weight_region="noun")
    plain = editor.edit(source, source.prompt, equalizer={"red": 1 + 1e-9})
    assert_same_latents(one.latents, plain.latents)


def test_records_hold_both_options_and_replay_to_the_same_picture(editor):
    source = editor.generate("a red dog eating an apple", **RUN)
    made = editor.edit(source, "a red dog eating a house", **OPTIONS)
    again = editor.replay(type(made.record).from_json(made.record.to_json()))
    assert again[0].record.image_sha256 == made.record.image_sha256
    assert made.record.edit.resize == 2.0
    assert made.record.edit.weight_region == "noun"


def test_maps_of_a_resized_edit_are_what_its_picture_saw(editor, source):
    result = editor.edit(source, TARGET, resize=0.5)
    maps = editor.maps(result, ["house"])
    plain = editor.maps(editor.edit(source, TARGET), ["house"])
    assert (maps.word("house") != plain.word("house")).any()


@pytest.mark.parametrize(
    "options", [{"resize": 9.0}, {"resize": "big"}, {"resize": True}, {"resize": 0.0}, {"weight_region": "dog"}]
)
def test_a_bad_value_is_refused_by_name(editor, source, options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        editor.edit(source, TARGET, **options)
