"""HunyuanDiT: its own pipeline bit for bit, edits that equal maps formed by hand, words in both of its encoders."""

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

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
from wordbrush.errors import ModelError, PromptError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.intercept import attention_modules
from wordbrush_bench.tiny.hunyuan_dit import DDIM, SIZE, tiny_hunyuan

RUN = run_of(SIZE, 5.0)
CALL = call_of(SIZE, 5.0)


@pytest.fixture(scope="module")
def pipeline():
    return tiny_hunyuan()


@pytest.fixture(scope="module")
def editor(pipeline):
    return Editor.from_pipeline(pipeline)


@pytest.mark.parametrize("changes", [{}, {"use_style_cond_and_image_meta_size": False}], ids=["1.1", "1.2"])
@pytest.mark.parametrize("negative", ["", "red"])
def test_a_plain_picture_is_the_pipelines_bit_for_bit(changes, negative):
    own = tiny_hunyuan(**changes)
    editor = Editor.from_pipeline(own)
    source = editor.generate(PROMPT, **RUN, negative_prompt=negative)
    assert torch.equal(source.latents, drawn(own, CALL, negative_prompt=negative, output_type="latent"))
    assert np.array_equal(np.array(source.image), np.array(drawn(own, CALL, negative_prompt=negative)[0]))
    seen = editor.generate(PROMPT, **RUN, negative_prompt=negative, capture=MapsRequest(["Dog"]))
    assert torch.equal(seen.latents, source.latents)
    assert seen.maps.word("Dog").shape == (4, 6)


def test_a_fused_edit_equals_its_maps_formed(pipeline, editor):
    formed = assert_fused_is_formed(pipeline, editor, RUN, CALL, held=0.4)
    assert formed.calls == STEPS * len(attention_modules(pipeline.transformer))


def test_several_targets_are_each_alone_and_a_kept_source_is_a_fresh_one(editor):
    assert_targets_are_each_alone(editor, RUN)


def test_every_attention_layer_is_controlled(editor, pipeline):
    result = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, cross_replace_steps=1.0, self_replace_steps=1.0)
    assert result.record.controlled_calls == STEPS * len(attention_modules(pipeline.transformer))


def test_weights_windows_and_blend(editor):
    assert_weights_windows_and_blend_act(editor, RUN)


def test_words_are_found_in_both_encoders(editor, pipeline):
    """The token at each place is read back: it is the word's."""
    for prompt in (PROMPT, "a castle, and a DOG"):
        tokens = editor._adapter.tokenize(prompt)
        bert, t5 = tokens.segments
        assert (bert.start, bert.stop, t5.stop) == (0, 77, 77 + 256)
        first = pipeline.tokenizer(prompt)["input_ids"]
        second = pipeline.tokenizer_2(prompt)["input_ids"]
        for word, of_bert, of_t5 in zip(tokens.words, bert.positions, t5.positions, strict=True):
            read = pipeline.tokenizer.convert_ids_to_tokens([first[position] for position in of_bert])
            assert "".join(read).replace("##", "") == word.text.lower()
            read = pipeline.tokenizer_2.convert_ids_to_tokens([second[position - 77] for position in of_t5])
            if word.text.islower():  # mT5 reads capitals, and this tokenizer has none
                assert "".join(read).strip("\u2581") == word.text


def test_a_word_over_one_encoders_limit_is_said_and_over_both_refused(editor):
    long = "dog " * 80 + "cat"
    made = editor.generate_and_edit(long, long.replace("cat", "apple"), **RUN)
    assert any("read by T5 alone" in warning for warning in made.record.warnings)
    with pytest.raises(PromptError, match="would fall off"):
        editor.generate("dog " * 300, **RUN)


@pytest.mark.parametrize("method", ["direct", "edit-friendly"])
def test_a_photograph_is_edited(editor, method):
    assert_a_photograph_is_edited(editor, RUN, method, 2, 4.5)


def test_a_folder_is_its_pipeline(editor, pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = Editor.from_pretrained(tmp_path, "cpu", "float32")
    expected = editor.generate(PROMPT, **RUN).latents
    torch.testing.assert_close(loaded.generate(PROMPT, **RUN).latents, expected, rtol=0, atol=1e-4)


def test_the_published_scheduler_gives_ddims_steps_and_is_refused_as_it_is():
    trained = DDPMScheduler.from_config(DDIM.config, timestep_spacing="linspace", steps_offset=0)
    editor, run = Editor.from_pipeline(tiny_hunyuan(scheduler=trained)), RUN
    expected = Editor.from_pipeline(tiny_hunyuan()).generate(PROMPT, **run).latents
    assert torch.equal(editor.generate(PROMPT, **run).latents, expected)
    with pytest.raises(SettingsError, match="own sampler is DDPMScheduler"):
        editor.generate(PROMPT, **run, sampler="own")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cross_attention_dim": 20}, "a BERT of width 12 and a transformer that reads 20"),
        ({"cross_attention_dim_t5": 32}, "a T5 of width 24 and a transformer that reads 32"),
        ({"in_channels": 8}, "transformer of 8 channels and an autoencoder of 4"),
        ({"learn_sigma": False}, "reads 8 channels and gives 4"),
    ],
)
def test_parts_that_do_not_fit_are_told(changes, said):
    with pytest.raises(ModelError, match=said):
        Editor.from_pipeline(tiny_hunyuan(**changes))


def test_after_an_exception_nothing_is_left(editor, pipeline):
    expected = editor.generate(PROMPT, **RUN).latents
    fail_in_each_layer(pipeline.transformer, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)
