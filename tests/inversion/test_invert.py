"""Photographs on a tiny model of real classes: what holds for every method, through the editor."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageFilter

from helpers.loaded import load_model
from helpers.rounding import assert_same_latents
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import PhotoError, PromptError, RecordError, SettingsError
from wordbrush.inversion.methods import METHODS
from wordbrush.inversion.report import reconstruction_warnings
from wordbrush.inversion.settings import InversionSettings
from wordbrush.inversion.tensors import from_tensors, to_tensors
from wordbrush.metrics.likeness import Likeness
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.runs.results import Source
from wordbrush_bench.speed.materialised import plan_published, published_edit
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT, TARGETS = "a dog eating an apple", ["a cat eating an apple", "a big dog eating an orange"]
RUN = {"num_inference_steps": 3, "guidance_scale": 3.0, "size": (32, 48)}
OWN = {"null-text": {"num_inner_steps": 2}, "fixed-point": {"num_iterations": 2}}
EXACT = ("direct", "edit-friendly", "h-edit", "h-edit-direct", "virtual", "chord")


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((48, 32), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def sources(editor, photo) -> dict[str, Source]:
    return {method: editor.invert(photo, PROMPT, method=method, **RUN, **OWN.get(method, {})) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_a_source_of_a_photograph(sources, photo, method):
    source = sources[method]
    report = source.report
    assert source.photo.tobytes() == photo.tobytes()
    assert source.image.size == photo.size
    assert report.method == method
    assert report.num_steps == source.kept.num_steps == 3
    assert report.model_calls >= (2 if method == "chord" else 3)  # its clean-up has nothing of the source
    assert report.seconds > 0
    assert source.record.photo.inversion == InversionSettings.parse(method, OWN.get(method, {}))
    if method in EXACT:
        assert report.reconstruction == report.autoencoder
    assert "a photograph" in repr(source)
    assert "came back" in source._repr_html_()
    assert method in source.record._repr_html_()


@pytest.mark.parametrize("method", METHODS)
def test_edits_act_and_a_batch_is_its_single_edits(editor, sources, method):
    source = sources[method]
    batch = editor.edit(source, TARGETS)
    assert batch[0].record.controlled_calls > 0
    plain = editor.regenerate(source, TARGETS[0])
    assert float((batch[0].latents - plain.latents).abs().max()) > 1e-3
    for target, one in zip(TARGETS, batch, strict=True):
        assert_same_latents(one.latents, editor.edit(source, target).latents)


def test_an_edit_of_a_direct_source_is_the_materialised_algorithm(editor, sources):
    pipeline = tiny_pipeline()
    source = sources["direct"]
    ours = editor.edit(source, TARGETS[0], edit="replace").latents
    published = plan_published(
        pipeline.tokenizer,
        [PROMPT, TARGETS[0]],
        "replace",
        num_steps=RUN["num_inference_steps"],
        cross_replace_steps=0.8,
        self_replace_steps=0.4,
    )
    with torch.no_grad():
        expected = published_edit(
            pipeline,
            [PROMPT, TARGETS[0]],
            published,
            num_steps=RUN["num_inference_steps"],
            guidance_scale=RUN["guidance_scale"],
            noise=source.kept.latents[0],
            source_path=source.kept.latents,
        )
    assert_same_latents(ours, expected[1:])


@pytest.mark.parametrize("method", ["null-text", "ddim", "negative-prompt", "edit-friendly"])
def test_an_edit_that_changes_nothing_gives_the_source_back(editor, photo, method):
    """Where the target is guided as the source was."""
    own = {"source_guidance_scale": RUN["guidance_scale"]} if method == "edit-friendly" else {}
    source = editor.invert(photo, PROMPT, method=method, **RUN, **own)
    same = editor.edit(source, PROMPT, equalizer={"apple": 1 + 1e-9})
    assert_same_latents(same.latents, source.latents)


@pytest.mark.parametrize("method", ["fixed-point", "virtual"])
def test_an_edit_that_changes_nothing_gives_the_source_back_without_guidance(editor, photo, method):
    settings = {"num_inference_steps": 3, "guidance_scale": 1.0}
    source = editor.invert(photo, PROMPT, method=method, **settings)
    same = editor.edit(source, PROMPT, equalizer={"apple": 1 + 1e-9})
    assert_same_latents(same.latents, source.latents)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_kept_of_its_attention_does_not_show(tiny_folder, photo, sources, editor, method):
    """An edit from the tape is the edit beside the running source, also where the tape is of the inversion itself."""
    without = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=0)
    source = without.invert(photo, PROMPT, method=method, **RUN, **OWN.get(method, {}))
    assert source.kept.tape is None
    expected = editor.edit(sources[method], TARGETS[0]).latents
    assert_same_latents(without.edit(source, TARGETS[0]).latents, expected)


@pytest.mark.parametrize("method", METHODS)
def test_a_replay_kept_as_tensors_edits_the_same(editor, sources, photo, method):
    source = sources[method]
    text, latents = source.kept.text.shapes(), source.latents.shape
    kept = from_tensors(InversionSettings(method, {}).build(), to_tensors(source.kept), text, latents)
    again = replace(source, kept=kept)
    edits = [editor.edit(made, TARGETS[0]).latents for made in (again, source)]
    assert_same_latents(*edits)


@pytest.mark.parametrize("method", METHODS)
def test_records_replay_bit_for_bit(editor, sources, photo, method):
    source = sources[method]
    again = editor.replay(source.record, photo=photo)
    assert again.record == source.record
    assert torch.equal(again.latents, source.latents)


@pytest.mark.parametrize("method", ["direct", "virtual", "chord"])
def test_records_of_edits_replay_bit_for_bit(editor, sources, photo, method):
    source = sources[method]
    plain = editor.regenerate(source, TARGETS[0])
    for made in (editor.edit(source, TARGETS)[0], plain, editor.edit(plain, TARGETS[1])):
        again = editor.replay(type(made.record).from_json(made.record.to_json()), photo=photo)
        again = again[0] if isinstance(again, list) else again
        assert again.record == made.record
        assert again.image.tobytes() == made.image.tobytes()


def test_a_replay_needs_the_photograph(editor, sources, photo):
    record = sources["direct"].record
    with pytest.raises(RecordError, match="add --photo FILE"):
        editor.replay(record)
    with pytest.raises(RecordError, match="other pixels"):
        editor.replay(record, photo=Image.eval(photo, lambda value: 255 - value))
    generated = editor.generate(PROMPT, num_inference_steps=1)
    with pytest.raises(RecordError, match="leave the photo out"):
        editor.replay(generated.record, photo=photo)


def test_local_blend_holds_the_photographs_pixels(editor, sources, photo):
    blend = LocalBlend(threshold=0.7, hold_pixels=True)
    result = editor.edit(sources["direct"], TARGETS[0], local_blend=blend)
    grown = result.blend_mask.filter(ImageFilter.MaxFilter(3))  # a cell has two pixels: it fades out over half a cell
    held = np.asarray(grown) == 0
    assert held.any()
    assert np.array_equal(np.asarray(result.image)[held], np.asarray(photo)[held])
    outside = ~result.blend_masks[-1]
    assert torch.equal(result.latents[..., outside], sources["direct"].latents[..., outside])


@pytest.mark.parametrize("method", ["direct", "edit-friendly"])
def test_maps_of_a_photograph(editor, sources, method):
    source = sources[method]
    assert editor.maps(source, "dog").word("dog").shape == (16, 24)
    assert editor.maps(editor.edit(source, TARGETS[0]), "cat").word("cat").shape == (16, 24)


def test_steps_of_a_later_start(editor, photo):
    source = editor.invert(photo, PROMPT, method="edit-friendly", skip=0.5, **RUN)
    assert source.kept.num_steps == 2
    told = []
    editor.edit(source, TARGETS[0], on_step=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert editor.noised_picture(source, 0).size == editor.latents_picture(source, 2).size == photo.size


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_inversion_leaves_the_model_untouched(photo, tiny_folder, method):
    pipeline: StableDiffusionPipeline = tiny_pipeline()
    adapter = StableDiffusion(
        pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae, pipeline.scheduler.config
    )
    editor = Editor(adapter, load_model(tiny_folder, "cpu", None)[1])
    before = {name: value.clone() for name, value in pipeline.unet.state_dict().items()}

    def interrupt(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        editor.invert(photo, PROMPT, method=method, on_step=interrupt, **RUN, **OWN.get(method, {}))
    assert all(torch.equal(value, before[name]) for name, value in pipeline.unet.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in pipeline.unet.modules())
    assert all(parameter.grad is None for parameter in pipeline.unet.parameters())


@pytest.mark.parametrize(
    "method", ["direct", "ddim", "edit-friendly", "h-edit", "h-edit-direct", "fixed-point", "virtual"]
)
def test_an_empty_prompt(editor, photo, method):
    source = editor.invert(photo, "", method=method, **RUN)
    assert editor.edit(source, "a dog").record.controlled_calls > 0


@pytest.mark.parametrize("method", ["null-text", "negative-prompt"])
def test_an_empty_prompt_where_there_is_nothing_to_do_with_it(editor, photo, method):
    with pytest.raises(SettingsError, match="say what the picture shows"):
        editor.invert(photo, " ", method=method, **RUN)


def test_bad_input_is_told(editor, photo):
    with pytest.raises(PhotoError, match="cannot be converted to RGB"):
        editor.invert(photo.convert("F"), PROMPT, **RUN)
    with pytest.raises(SettingsError, match="width is 47"):
        editor.invert(photo, PROMPT, **{**RUN, "size": (32, 47)})
    with pytest.raises(SettingsError, match="no method 'drct'"):
        editor.invert(photo, PROMPT, method="drct", **RUN)
    with pytest.raises(SettingsError, match="more than 1"):
        editor.invert(photo, PROMPT, method="null-text", num_inference_steps=4, guidance_scale=1.0)
    with pytest.raises(SettingsError, match="num_inference_steps is 0"):
        editor.invert(photo, PROMPT, num_inference_steps=0)
    with pytest.raises(PromptError, match="would fall off"):
        editor.invert(photo, "dog " * 80, **RUN)


def test_a_warning_only_where_the_picture_did_not_come_back():
    bad, limit = Likeness(17.2, 0.5), Likeness(26.1, 0.9)
    assert "17.2 dB where the autoencoder alone gives 26.1" in reconstruction_warnings("ddim", bad, limit)[0]
    assert reconstruction_warnings("ddim", Likeness(25.0, 0.9), limit) == ()
    assert reconstruction_warnings("ddim", Likeness(None, 1.0), Likeness(None, 1.0)) == ()
    assert "equal picture" in reconstruction_warnings("ddim", bad, Likeness(None, 1.0))[0]
