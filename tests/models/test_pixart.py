"""PixArt: its own pipelines bit for bit, edits that equal maps formed by hand, and padding that nothing looks at."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, PixArtAlphaPipeline, PixArtSigmaPipeline

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
from wordbrush.models.intercept import attention_modules
from wordbrush_bench.tiny.pixart import SIZE, tiny_pixart

RUN = run_of(SIZE, 4.5)
DDIM = DDIMScheduler(beta_schedule="linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1)
TOLD_ITS_SIZE = {"use_additional_conditions": True, "attention_head_dim": 12, "cross_attention_dim": 24}
BUILD = {
    "sigma": tiny_pixart,
    "alpha": lambda **given: tiny_pixart(PixArtAlphaPipeline, **given),
    "alpha 1024": lambda **given: tiny_pixart(PixArtAlphaPipeline, **TOLD_ITS_SIZE, sample_size=128, **given),
}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pixart()


@pytest.fixture(scope="module")
def editor(pipeline):
    return Editor.from_pipeline(pipeline)


CALL = {**call_of(SIZE, 4.5), "clean_caption": False}


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # diffusers' own code
@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("negative", ["", "red"])
def test_a_plain_picture_is_the_pipelines_bit_for_bit(name, negative):
    own = BUILD[name]()
    editor = Editor.from_pipeline(own)
    given = {"negative_prompt": negative, "sampler": "own"}
    source = editor.generate(PROMPT, **RUN, **given)
    assert torch.equal(source.latents, drawn(own, CALL, negative_prompt=negative, output_type="latent"))
    assert np.array_equal(np.array(source.image), np.array(drawn(own, CALL, negative_prompt=negative)[0]))
    seen = editor.generate(PROMPT, **RUN, **given, capture=MapsRequest(["Dog"]))
    assert torch.equal(seen.latents, source.latents)
    assert seen.maps.word("Dog").shape == (8, 12)


@pytest.mark.parametrize("name", BUILD)
def test_a_fused_edit_equals_its_maps_formed(name):
    own = BUILD[name](scheduler=DDIM)
    formed = assert_fused_is_formed(own, Editor.from_pipeline(own), RUN, CALL, held=0.4)
    assert formed.calls == STEPS * len(attention_modules(own.transformer))


def test_several_targets_are_each_alone_and_a_kept_source_is_a_fresh_one(editor):
    assert_targets_are_each_alone(editor, RUN)


def test_every_attention_layer_is_controlled(editor, pipeline):
    result = editor.generate_and_edit(
        PROMPT, TARGETS[0], **RUN, cross_replace_steps=1.0, self_replace_steps=1.0, self_replace_max_pixels=1 << 20
    )
    assert result.record.controlled_calls == STEPS * len(attention_modules(pipeline.transformer))


def test_weights_windows_and_blend(editor):
    assert_weights_windows_and_blend_act(editor, RUN)


def test_padding_is_looked_at_by_nothing(editor):
    source = editor.generate(PROMPT, **RUN)
    tokens = editor._adapter.tokenize(PROMPT)
    end = tokens.segments[0].end
    assert (tokens.length, len(end)) == (300, 1)
    read, padding = (editor.maps(source, MapsRequest(list(range(*part)))) for part in ((0, end.stop), (end.stop, 60)))
    assert sum(array.sum() for array in padding.arrays) == 0
    assert sum(array.sum() for array in read.arrays) == pytest.approx(8 * 12, rel=1e-4)


@pytest.mark.parametrize("method", ["direct", "ddim", "edit-friendly", "null-text"])
def test_a_photograph_is_inverted_and_edited(editor, method):
    assert_a_photograph_is_edited(editor, RUN, method, 2, 4.5)


@pytest.mark.parametrize("kind", [PixArtAlphaPipeline, PixArtSigmaPipeline])
def test_a_folder_is_its_pipeline(kind, tmp_path):
    own = tiny_pixart(kind)
    own.save_pretrained(tmp_path)
    loaded = Editor.from_pretrained(tmp_path, "cpu", "float32")
    expected = Editor.from_pipeline(own).generate(PROMPT, **RUN).latents
    torch.testing.assert_close(loaded.generate(PROMPT, **RUN).latents, expected, rtol=0, atol=1e-4)
    assert loaded.model.defaults.guidance_scale == 4.5


def test_words_are_read_small_and_found_as_they_were_written(editor):
    spaced = editor.generate("  A photo of a DOG, eating an apple  ", **RUN)
    plain = editor.generate("a photo of a dog, eating an apple", **RUN)
    assert torch.equal(spaced.latents, plain.latents)
    tokens = editor._adapter.tokenize("  A photo of a DOG")
    assert tokens.find("DOG") == editor._adapter.tokenize("a photo of a dog").find("dog") == (4,)
    with pytest.raises(PromptError, match="two when small"):
        editor.generate("a dog in \u0130zmir", **RUN)
    with pytest.raises(PromptError, match="would fall off"):
        editor.generate("dog " * 300, **RUN)


def test_what_it_has_not_is_told(editor, pipeline):
    source = editor.generate(PROMPT, **RUN)
    for option in ({"mutual_self_attention": True}, {"plug_and_play": True}):
        with pytest.raises(SettingsError):
            editor.edit(source, TARGETS[0], **option)
    with pytest.raises(SettingsError, match="multiple of 4"):
        editor.generate(PROMPT, **{**RUN, "size": (34, 32)})


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
        Editor.from_pipeline(tiny_pixart(**changes))


def test_after_an_exception_nothing_is_left(editor, pipeline):
    expected = editor.generate(PROMPT, **RUN).latents
    fail_in_each_layer(pipeline.transformer, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


def test_a_processor_that_forms_its_maps_is_refused():
    from diffusers.models.attention_processor import AttnProcessor

    own = tiny_pixart()
    own.transformer.transformer_blocks[1].attn2.set_processor(AttnProcessor())
    with pytest.raises(ControlError, match=r"'transformer_blocks\.1\.attn2' \(1 of 4\) did not use"):
        Editor.from_pipeline(own).generate_and_edit(PROMPT, TARGETS[0], **RUN)
