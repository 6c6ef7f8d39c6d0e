"""Sana: its own pipeline bit for bit, edits that equal maps formed by hand, and what linear attention has not."""

import numpy as np
import pytest
import torch

from helpers.cross_family import (
    PROMPT,
    STEPS,
    TARGETS,
    assert_a_photograph_is_edited,
    assert_fused_is_formed,
    assert_targets_are_each_alone,
    assert_weights_windows_and_blend_act,
    call_of,
    drawn,
    run_of,
)
from helpers.failing_layers import fail_in_each_layer
from wordbrush.editor import Editor
from wordbrush.errors import ControlError, ModelError, PromptError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush_bench.tiny.sana import EULER, MULTISTEP, SIZE, tiny_sana

RUN = run_of(SIZE, 4.5)
CALL = call_of(SIZE, 4.5)


@pytest.fixture(scope="module")
def pipeline():
    return tiny_sana()


@pytest.fixture(scope="module")
def editor(pipeline):
    return Editor.from_pipeline(pipeline)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # diffusers' own code
@pytest.mark.parametrize("scheduler", [EULER, MULTISTEP], ids=["euler", "multistep"])
@pytest.mark.parametrize(
    "changes", [{}, {"qk_norm": "rms_norm_across_heads", "timestep_scale": 0.5, "out_channels": 8}], ids=["1", "1.5"]
)
def test_a_plain_picture_is_the_pipelines_bit_for_bit(scheduler, changes):
    own = tiny_sana(scheduler=scheduler, **changes)
    editor = Editor.from_pipeline(own)
    source = editor.generate(PROMPT, **RUN, negative_prompt="red", sampler="own")
    assert torch.equal(source.latents, drawn(own, CALL, negative_prompt="red", output_type="latent"))
    assert np.array_equal(np.array(source.image), np.array(drawn(own, CALL, negative_prompt="red")[0]))
    seen = editor.generate(PROMPT, **RUN, negative_prompt="red", sampler="own", capture=MapsRequest(["Dog"]))
    assert torch.equal(seen.latents, source.latents)
    assert seen.maps.word("Dog").shape == (16, 32)


def test_the_default_sampler_is_the_flows_euler_steps_with_the_models_shift():
    made = [Editor.from_pipeline(tiny_sana(scheduler=kind)).generate(PROMPT, **RUN) for kind in (EULER, MULTISTEP)]
    assert torch.equal(made[0].latents, made[1].latents)
    assert {one.record.sampler for one in made} == {"flow-euler"}


def test_a_fused_edit_equals_its_maps_formed(pipeline, editor):
    formed = assert_fused_is_formed(pipeline, editor, RUN, CALL, held=None)
    assert formed.calls == STEPS * 2  # of two blocks; linear attention calls no kernel


def test_several_targets_are_each_alone_and_a_kept_source_is_a_fresh_one(editor):
    assert_targets_are_each_alone(editor, RUN)


def test_every_layer_that_reads_the_text_is_controlled(editor):
    result = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, cross_replace_steps=1.0)
    assert result.record.controlled_calls == STEPS * 2


def test_linear_attention_is_told(editor):
    source = editor.generate(PROMPT, **RUN)
    with pytest.raises(ControlError, match="self-attention is linear and forms no map"):
        editor.edit(source, TARGETS[0], self_replace_steps=0.5)
    for option in ({"mutual_self_attention": True}, {"plug_and_play": True}):
        with pytest.raises((ControlError, SettingsError)):
            editor.edit(source, TARGETS[0], **option)
    with pytest.raises(SettingsError, match="sampled along a flow"):
        editor.generate(PROMPT, **{**RUN, "sampler": "ddim"})


def test_weights_windows_and_blend(editor):
    assert_weights_windows_and_blend_act(editor, RUN)


def test_words_are_found_behind_the_instruction(editor, pipeline):
    """The token at each place is read back: it is the word's, in small letters."""
    tokenizer, adapter = pipeline.tokenizer, editor._adapter
    instruction = "\n".join(adapter._instruction)
    for prompt in (PROMPT, "  A castle,  and a DOG", "dog"):
        ids = tokenizer(instruction + prompt.lower().strip())["input_ids"]
        axis = [ids[0], *ids[len(tokenizer.encode(instruction)) - 1 :]]
        tokens = adapter.tokenize(prompt)
        assert tokens.length == 300
        for word, positions in zip(tokens.words, tokens.positions, strict=True):
            read = tokenizer.decode([axis[position] for position in positions])
            assert read.strip() == word.text.lower()
    with pytest.raises(PromptError, match="would fall off"):
        editor.generate("dog " * 300, **RUN)


def test_padding_is_looked_at_by_nothing(editor):
    source = editor.generate(PROMPT, **RUN)
    tokens = editor._adapter.tokenize(PROMPT)
    last = max(position for word in tokens.positions for position in word) + 1
    read, padding = (editor.maps(source, MapsRequest(list(range(*part)))) for part in ((0, last), (last, 40)))
    assert sum(array.sum() for array in padding.arrays) == 0
    assert sum(array.sum() for array in read.arrays) == pytest.approx(16 * 32, rel=1e-4)


@pytest.mark.parametrize("method", ["flow-edit", "rf-inversion", "rf-solver"])
def test_a_photograph_is_edited(editor, method):
    assert_a_photograph_is_edited(editor, RUN, method, 3, 2.0)


def test_a_folder_is_its_pipeline(editor, pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = Editor.from_pretrained(tmp_path, "cpu", "float32")
    expected = editor.generate(PROMPT, **RUN).latents
    torch.testing.assert_close(loaded.generate(PROMPT, **RUN).latents, expected, rtol=0, atol=1e-4)
    assert (loaded.model.defaults.guidance_scale, loaded.model.defaults.self_replace_steps) == (4.5, 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"caption_channels": 20}, "text encoder of width 24 and a transformer that reads 20"),
        ({"in_channels": 8, "out_channels": 8}, "transformer of 8 channels and an autoencoder of 4"),
        ({"out_channels": 12}, "reads 4 channels and gives 12"),
    ],
)
def test_parts_that_do_not_fit_are_told(changes, said):
    with pytest.raises(ModelError, match=said):
        Editor.from_pipeline(tiny_sana(**changes))


def test_after_an_exception_nothing_is_left(editor, pipeline):
    expected = editor.generate(PROMPT, **RUN).latents
    fail_in_each_layer(pipeline.transformer, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)
