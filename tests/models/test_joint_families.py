"""SD3 and FLUX.1: their own pipelines bit for bit, and edits that equal maps formed by hand."""

import numpy as np
import pytest
import torch

from helpers.formed_joint import Formed, edited_map, formed_edit
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import PromptError, SettingsError
from wordbrush.inversion.methods import FLOW_METHODS, METHODS
from wordbrush.inversion.settings import InversionSettings
from wordbrush.maps.request import MapsRequest
from wordbrush.runs.cache import InversionCache
from wordbrush.tokens.pair import PromptPair
from wordbrush_bench.tiny.joint import SIZE, VAE_FACTOR, tiny_flux, tiny_sd3

PROMPT, TARGETS = "a photo of a dog eating an apple", ["a photo of a cat eating an apple", "a dog eating a castle"]
STEPS = 3
RUN = {"seed": 3, "num_inference_steps": STEPS, "size": SIZE}
BUILD = {"sd3": tiny_sd3, "flux": tiny_flux, "schnell": lambda: tiny_flux(guided=False)}


@pytest.fixture(scope="module")
def pipelines():
    return {name: build() for name, build in BUILD.items()}


@pytest.fixture(scope="module")
def editors(pipelines):
    return {name: Editor.from_pipeline(pipeline) for name, pipeline in pipelines.items()}


def plain(pipeline, prompt: str, **call) -> torch.Tensor:
    """What the family's own pipeline makes of the same seed: latents (1, C, h, w)."""
    latents = pipeline(
        prompt,
        height=SIZE[0],
        width=SIZE[1],
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
        return_dict=False,
        **call,
    )[0]
    return unpacked(pipeline, latents)


def unpacked(pipeline, latents: torch.Tensor) -> torch.Tensor:
    unpack = getattr(pipeline, "_unpack_latents", None)
    return latents if unpack is None else unpack(latents, *SIZE, VAE_FACTOR)


CALLS = {
    "sd3": {"guidance_scale": 7.0, "negative_prompt": "red"},
    "flux": {"guidance_scale": 3.5},
    "schnell": {"guidance_scale": 0.0, "max_sequence_length": 256},
}


@pytest.mark.parametrize("name", BUILD)
def test_a_plain_picture_is_the_pipelines_bit_for_bit(pipelines, editors, name):
    negative = {"negative_prompt": "red"} if name == "sd3" else {}
    source = editors[name].generate(PROMPT, **RUN, **negative)
    expected = plain(pipelines[name], PROMPT, **CALLS[name])
    assert torch.equal(source.latents, expected)
    shown = pipelines[name](
        PROMPT,
        height=SIZE[0],
        width=SIZE[1],
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(3),
        **CALLS[name],
    ).images[0]
    assert source.image.size == SIZE[::-1]
    assert np.array_equal(np.array(source.image), np.array(shown))
    # Looking passes every attention through the seam, and changes no bit.
    seen = editors[name].generate(PROMPT, **RUN, **negative, capture=MapsRequest(["dog"]))
    assert torch.equal(seen.latents, expected)


CANDIDATES = {
    "a": {"edit": "replace", "text_mass": "target", "self_replace_steps": 0, "new_word_factor": 1},
    "b": {"edit": "replace", "text_mass": "source", "self_replace_steps": 0, "new_word_factor": 1},
    "c": {"edit": "own", "self_replace_steps": 0.7, "new_word_factor": 1},
    "d": {"edit": "own", "self_replace_steps": 0, "new_word_factor": 5},
    "c+d": {"edit": "own", "self_replace_steps": 0.7, "new_word_factor": 3},
    "all": {"edit": "replace", "text_mass": "target", "self_replace_steps": 0.4, "new_word_factor": 2},
}


@pytest.mark.parametrize("name", ["sd3", "flux"])
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_fused_edit_equals_its_maps_formed(pipelines, editors, name, candidate):
    editor, pipeline, target = editors[name], pipelines[name], TARGETS[0]
    options = {"cross_replace_steps": 0.5, **CANDIDATES[candidate]}
    call = {"guidance_scale": 3.5}
    run = {**RUN, "guidance_scale": 3.5}
    ours = editor.generate_and_edit(PROMPT, target, **run, **options)
    pair = PromptPair.of(*(editor._adapter.tokenize(prompt) for prompt in (PROMPT, target)))
    transfer_ST, keep_T = edited_map(pair, options["edit"], options["new_word_factor"])
    tokens, pixels = len(keep_T), SIZE[0] * SIZE[1] // (2 * VAE_FACTOR) ** 2
    image = range(pixels) if name == "sd3" else range(tokens, tokens + pixels)
    text = range(pixels, pixels + tokens) if name == "sd3" else range(tokens)
    formed = Formed(
        transfer_ST,
        keep_T,
        text,
        image,
        text_steps=int(0.5 * (STEPS + 1)),
        image_steps=int(options["self_replace_steps"] * STEPS),
        own_mass=options.get("text_mass") == "target",
    )
    start = editor.generate(PROMPT, **run).kept.latents[0].expand(2, -1, -1, -1)
    given = start if name == "sd3" else pipeline._pack_latents(start, 2, 4, *start.shape[2:])
    theirs = unpacked(
        pipeline,
        formed_edit(
            pipeline,
            formed,
            [PROMPT, target],
            given.contiguous(),
            height=SIZE[0],
            width=SIZE[1],
            num_inference_steps=STEPS,
            **call,
        ),
    )
    assert formed.calls == STEPS * 4
    assert (theirs[1] - plain(pipeline, target, **call)[0]).abs().max() > 1e-2  # the edit is seen
    torch.testing.assert_close(ours.source.latents, theirs[:1], rtol=0, atol=1e-4)
    torch.testing.assert_close(ours.latents, theirs[1:], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_a_batch_of_targets_is_its_singles_and_a_kept_source_is_a_fresh_one(editors, name):
    editor = editors[name]
    options = {"edit": "auto", "self_replace_steps": 0.7, "text_mass": "target", "new_word_factor": 2}
    source = editor.generate(PROMPT, **RUN)
    together = editor.generate_and_edit(PROMPT, TARGETS, **RUN, **options)
    kept = editor.edit(source, TARGETS, **options)
    for target, one, other in zip(TARGETS, together, kept, strict=True):
        single = editor.edit(source, target, **options)
        for made in (one, other):
            torch.testing.assert_close(made.latents, single.latents, rtol=0, atol=1e-4)
        assert (single.latents - source.latents).abs().max() > 1e-2
    again = editor.replay(kept[0].record)
    assert [result.record for result in again] == [result.record for result in kept]
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(again, kept, strict=True))


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_refine_weights_and_windows_of_words_act(editors, name):
    editor = editors[name]
    source = editor.generate(PROMPT, **RUN)
    target = "a photo of a big dog eating an apple"
    refined = editor.edit(source, target, edit="refine", new_word_factor=1)
    assert refined.record.acted[0] == ("new: 'big'",)
    early = editor.edit(
        source, target, edit="refine", new_word_factor=1, cross_replace_steps={"big": 0.3, "default_": 1.0}
    )
    weighted = editor.edit(source, PROMPT, equalizer={"apple": 4.0})
    assert weighted.record.acted[0] == ("'apple' x 4",)
    for other in (source, weighted, editor.edit(source, target, edit="refine", new_word_factor=3)):
        assert (other.latents - refined.latents).abs().max() > 1e-3
    torch.testing.assert_close(
        early.latents, refined.latents, rtol=0, atol=1e-4
    )  # a new word's own map, in any window


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_an_adjectives_weight_acts_in_its_nouns_region_where_words_keep_their_maps(editors, name):
    editor, prompt = editors[name], "a photo of a red dog"
    source = editor.generate(prompt, **RUN)
    everywhere, inside = (
        editor.edit(source, prompt, equalizer={"red": 4.0}, weight_region=region) for region in ("picture", "noun")
    )
    layers = len(editor._adapter.attention_layers(*SIZE)) - (name == "sd3")
    assert inside.record.controlled_calls == STEPS * layers
    assert not torch.equal(inside.latents, everywhere.latents)
    assert not torch.equal(inside.latents, source.latents)


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_maps_and_a_local_blend(editors, name):
    editor = editors[name]
    source = editor.generate(PROMPT, **RUN)
    maps = editor.maps(source, ["dog", "apple"])
    assert maps.word("dog").shape == (8, 12)
    every = editor.maps(source, MapsRequest(per_site=True, steps=0.4))
    assert len(every.arrays) == {"sd3": 3, "flux": 4}[name]
    blended = editor.edit(source, TARGETS[0], local_blend=LocalBlend(threshold=0.6))
    outside = ~blended.blend_masks[-1]
    assert outside.any()
    assert (~outside).any()
    assert torch.equal(blended.latents[..., outside], source.latents[..., outside])
    assert not torch.equal(blended.latents, source.latents)


def test_words_are_found_in_each_encoder_by_their_characters(editors):
    text = "a castle, a dog"
    sd3, flux = editors["sd3"]._adapter.tokenize(text), editors["flux"]._adapter.tokenize(text)
    clip, t5 = sd3.segments
    assert (clip.start, clip.stop, t5.start, t5.stop) == (0, 77, 77, 77 + 256)
    assert clip.positions == ((1,), (2,), (3,), (4,), (5,))  # one token a word, the comma too
    letters = [len(word) for word in t5.positions]
    assert letters == [1, 7, 1, 1, 1]  # T5 does not know the castle
    assert flux.segments[0].positions == tuple(tuple(p - 77 for p in word) for word in t5.positions)
    assert flux.length == 512
    assert editors["schnell"]._adapter.tokenize(text).length == 256
    assert sd3.find("castle") == (2, *t5.positions[1])


def test_a_word_over_one_encoders_limit_is_read_by_the_other_and_said(editors):
    long = "a photo of " + "a big red cat, " * 20 + "a dog"
    for name in ("sd3", "flux"):
        editor = editors[name]
        tokens = editor._adapter.tokenize(long)
        assert len(tokens.find("dog")) == 1
        said = "over CLIP's 75 tokens and is read by T5 alone"
        made = editor.generate(long, **{**RUN, "num_inference_steps": 1})
        assert [said in warning and "a dog'" in warning for warning in made.record.warnings] == [True]
        edit = editor.edit(made, long.replace("dog", "teddy"))
        assert len(edit.record.warnings) == 2
        with pytest.raises(PromptError, match="the model reads"):
            editor.generate("a big red dog, " * 130, **RUN)


def test_stable_diffusion_3_without_t5(tmp_path):
    pipeline = tiny_sd3(t5=False)
    pipeline.save_pretrained(tmp_path)
    assert Editor.from_pretrained(tmp_path, "cpu")._adapter.tokenize(PROMPT).length == 77 + 256
    editor = Editor.from_pipeline(pipeline)
    source = editor.generate(PROMPT, **RUN)
    assert torch.equal(source.latents, plain(pipeline, PROMPT, guidance_scale=7.0))
    assert editor.edit(source, TARGETS[0]).record.controlled_calls == STEPS * 3
    with pytest.raises(PromptError, match="would fall off"):
        editor.generate("a big red dog, " * 20, **RUN)


def test_two_clips_that_cut_words_differently_are_told():
    pipeline = tiny_sd3()
    pipeline.tokenizer_2.add_tokens("photo of")
    pipeline.text_encoder_2.resize_token_embeddings(len(pipeline.tokenizer_2))
    with pytest.raises(PromptError, match="cut 'a photo of a dog eating an apple' differently"):
        Editor.from_pipeline(pipeline).generate(PROMPT, **RUN)


def test_blocks_are_numbered_by_module_and_not_by_their_processors():
    """SD3.5 medium: 24 blocks of joint attention, 13 of them with a second one that stands between two blocks."""
    editor = Editor.from_pipeline(tiny_sd3(num_layers=24, dual_attention_layers=tuple(range(13))))
    layers = editor._adapter.attention_layers(*SIZE)
    assert [layer.site.kind for layer in layers].count("self") == 13
    shown = [layer.site.name for layer in layers if layer.text and layer.shows_words]
    assert shown == [f"transformer_blocks.{block}.attn" for block in (7, 8, 9)]
    made = editor.generate_and_edit(PROMPT, TARGETS[0], **{**RUN, "num_inference_steps": 1}, self_replace_steps=1.0)
    assert made.record.controlled_calls == 24 + 37
    flux = Editor.from_pipeline(tiny_flux(num_layers=19, num_single_layers=38))
    layers = flux._adapter.attention_layers(*SIZE)
    assert len(layers) == 57
    shown = [layer.site.name for layer in layers if layer.shows_words]
    assert shown == [f"transformer_blocks.{block}.attn" for block in range(11, 19)]


def test_guidance_that_has_no_place_is_told(editors):
    for name in ("flux", "schnell"):
        with pytest.raises(SettingsError, match="reads no negative_prompt"):
            editors[name].generate(PROMPT, **RUN, negative_prompt="red")
    with pytest.raises(SettingsError, match="sampled without guidance"):
        editors["schnell"].generate(PROMPT, **RUN, guidance_scale=3.5)
    assert editors["schnell"].model.defaults.num_inference_steps == 4
    assert editors["flux"].model.defaults.guidance_scale == 3.5
    two, seven = (editors["flux"].generate(PROMPT, **RUN, guidance_scale=scale) for scale in (2.0, 7.0))
    assert not torch.equal(two.latents, seven.latents)


def test_what_a_flow_has_not_is_told(editors, tiny_folder):
    source = editors["sd3"].generate(PROMPT, **RUN)
    with pytest.raises(SettingsError, match="sampled along a flow; give 'flow-euler'"):
        editors["sd3"].generate(PROMPT, **RUN, sampler="ddim")
    for method in ("direct", "null-text", "edit-friendly"):
        with pytest.raises(SettingsError, match=f"method '{method}' is not defined for this model"):
            editors["sd3"].invert(source.image, PROMPT, method=method, num_inference_steps=STEPS)
    for method in FLOW_METHODS.keys() - METHODS.keys():
        with pytest.raises(
            SettingsError, match=f"'{method}' is not defined for this model, which is a diffusion model"
        ):
            Editor.from_pretrained(tiny_folder, "cpu").invert(source.image, PROMPT, method=method)
    with pytest.raises(SettingsError, match="multiple of 4"):
        editors["flux"].generate(PROMPT, **{**RUN, "size": (34, 32)})
    with pytest.raises(SettingsError, match="positions up to 64x64"):
        editors["sd3"].generate(PROMPT, **{**RUN, "size": (68, 32)})


@pytest.mark.parametrize("name", BUILD)
def test_a_folder_is_its_pipeline(pipelines, editors, name, tmp_path):
    pipelines[name].save_pretrained(tmp_path)
    loaded = Editor.from_pretrained(tmp_path, "cpu", "float32")
    made, expected = (editor.generate(PROMPT, **RUN).latents for editor in (loaded, editors[name]))
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4)  # weights may lie at other addresses in memory
    assert loaded.model.defaults == editors[name].model.defaults


@pytest.mark.parametrize("name", BUILD)
def test_a_photograph_is_inverted_by_a_method_for_flows_where_none_is_named(editors, name):
    photo = editors[name].generate(PROMPT, **RUN).image
    source = editors[name].invert(photo, PROMPT, num_inference_steps=4, size=SIZE, skip=0.25)
    assert source.record.photo.inversion.method == "flow-edit"
    assert source.record.photo.inversion.settings["skip"] == 0.25


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_flow_edit_of_a_photograph(pipelines, editors, name):
    """Equal prompts and guidance give the source back; else it is the published loop, written out."""
    editor, scales, steps = editors[name], (1.0, 2.0), 4
    photo = editor.generate(PROMPT, **RUN).image
    settings = InversionSettings("flow-edit", {"skip": 0.25, "source_guidance_scale": scales[0]})
    run = {"num_inference_steps": steps, "size": SIZE, "seed": 5}
    same = editor.invert(photo, PROMPT, method=settings, guidance_scale=scales[0], **run)
    assert same.report.model_calls == 3
    assert same.kept.num_steps == 3
    back = editor.edit(same, PROMPT, equalizer={"dog": 1 + 1e-6}, self_replace_steps=1.0)
    torch.testing.assert_close(back.latents, same.latents, rtol=0, atol=1e-5)
    source = editor.invert(photo, PROMPT, method=settings, guidance_scale=scales[1], **run)
    off = {"edit": "own", "self_replace_steps": 0, "new_word_factor": 1, "equalizer": {"cat": 1.0 + 1e-6}}
    ours = editor.edit(source, TARGETS[0], **off).latents
    adapter = editor._adapter
    solver = adapter.solver(steps, *SIZE)
    clean, edited = source.latents, source.latents
    text = [adapter.encode(prompt) for prompt in (PROMPT, TARGETS[0], "")]

    def velocity(latents, timestep, which: int, scale: float):
        own = adapter.predict(latents, timestep, text[which], None, scale)[0]
        if name == "flux" or scale == 1:
            return own
        negative = adapter.predict(latents, timestep, text[2], None, scale)[0]
        return negative + scale * (own - negative)

    sigmas = [solver.rates(timestep).noise for timestep in solver.timesteps] + [0.0]
    noise = torch.randn(3, *clean.shape[1:], generator=torch.Generator().manual_seed(5))
    for i in range(1, steps):
        noised = (1 - sigmas[i]) * clean + sigmas[i] * noise[i - 1]
        there = velocity(edited + noised - clean, solver.timesteps[i], 1, scales[1])
        edited = edited + (sigmas[i + 1] - sigmas[i]) * (there - velocity(noised, solver.timesteps[i], 0, scales[0]))
    torch.testing.assert_close(ours, edited, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("method", "calls"), [("rf-inversion", 3), ("rf-solver", 7), ("uni-edit", 3)])
@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_a_photograph_is_taken_back_along_the_flow(editors, name, method, calls, tmp_path):
    editor, run = editors[name], {"num_inference_steps": 3, "guidance_scale": 1.0, "size": SIZE}
    photo = editor.generate(PROMPT, **RUN).image
    source = editor.invert(photo, PROMPT, method=method, cache=InversionCache(tmp_path), **run)
    assert source.report.model_calls == calls
    assert source.report.reconstruction == source.report.autoencoder  # the source is held on its path
    edited = editor.edit(source, TARGETS[0])
    assert not torch.equal(edited.latents, source.latents)
    again = editor.replay(edited.record, photo=photo)
    assert torch.equal(again[0].latents, edited.latents)
    kept = editor.invert(photo, PROMPT, method=method, cache=InversionCache(tmp_path), **run)
    assert torch.equal(editor.edit(kept, TARGETS[0]).latents, edited.latents)
    if method == "rf-solver":
        back = editor.edit(source, PROMPT, equalizer={"dog": 1 + 1e-6}, self_replace_steps=1.0)
        torch.testing.assert_close(back.latents, source.latents, rtol=0, atol=1e-5)
