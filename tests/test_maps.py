"""Maps of an editor's pictures: the same as those of the materialised run, from wherever they come."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from helpers.loaded import load_model
from helpers.oracles import FormedMaps
from wordbrush.attention.sites import AttentionCall
from wordbrush.editor import Editor
from wordbrush.errors import PromptError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.intercept import Intercept, attention_modules
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush_bench.speed.materialised import plan_published, published_edit
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

PROMPT = "a dog eating an apple"
STEPS, SEED, GUIDANCE = 4, 3, 5.0
RUN = {"seed": SEED, "num_inference_steps": STEPS, "guidance_scale": GUIDANCE}
CASES = {
    "plain": (None, None, {}),
    "replace": ("replace", "a cat eating an apple", {}),
    "refine": ("refine", "a big dog eating an apple", {}),
    "reweight": ("reweight", PROMPT, {"apple": 3.0}),
}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def exact(tiny_folder) -> tuple[Editor, StableDiffusionPipeline]:
    """In double precision, so that two runs have the same latents to the last step."""
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_folder, dtype=torch.float64, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
    return Editor(
        StableDiffusion(*parts, pipeline.scheduler.config), load_model(tiny_folder, "cpu", None)[1]
    ), pipeline


def formed(pipeline, prompts, kind, equalizer, size) -> np.ndarray:
    """Maps of the 16 x 16 (or 16 x 24) cross-attention: (prompts, steps, layers, heads, h, w, tokens)."""
    edit = None
    if kind is not None:
        edit = plan_published(
            pipeline.tokenizer, prompts, kind, num_steps=STEPS, self_replace_steps=0.4, equalizer=equalizer
        ).to(pipeline.device, torch.float64)
    seen = FormedMaps(edit)
    noise = torch.randn(
        1, 4, size[0] // 2, size[1] // 2, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64
    )
    published_edit(pipeline, prompts, seen, num_steps=STEPS, guidance_scale=GUIDANCE, noise=noise)
    pixels = size[0] * size[1] // 4
    maps = [[m for m in seen.taken[step] if m.shape[2] == pixels] for step in range(STEPS)]
    stacked = torch.stack([torch.stack(layers, dim=1) for layers in maps], dim=1)
    return stacked.unflatten(4, (size[0] // 2, size[1] // 2)).numpy()


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
@pytest.mark.parametrize("case", CASES)
def test_maps_are_the_materialised_ones_in_every_aggregation(exact, case, size):
    editor, pipeline = exact
    kind, target, equalizer = CASES[case]
    prompts = [PROMPT] if target is None else [PROMPT, target]
    expected = formed(pipeline, prompts, kind, equalizer, size)
    tokens = editor._adapter.tokenize(prompts[-1])
    noun = "cat" if kind == "replace" else "dog"
    for per_site, per_step, per_head in [(0, 0, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1)]:
        asked = MapsRequest(
            [noun, "eating an"], per_site=bool(per_site), per_step=bool(per_step), per_head=bool(per_head)
        )
        if target is None:
            made = editor.generate(PROMPT, **RUN, size=size, capture=asked)
        else:
            settings = {"edit": "auto" if kind == "reweight" else kind, "equalizer": equalizer}
            made = editor.generate_and_edit(
                PROMPT,
                target,
                **RUN,
                **settings,
                cross_replace_steps=0.8,
                self_replace_steps=0.4,
                size=size,
                capture=asked,
            )
        for index, selector in enumerate([noun, "eating an"]):
            word = expected[-1][..., list(tokens.find(selector))].sum(axis=-1)  # steps, layers, heads, h, w
            steps = word if per_step else word.mean(axis=0, keepdims=True)
            heads = steps if per_head else steps.mean(axis=2, keepdims=True)
            layers = list(heads.swapaxes(0, 1)) if per_site else [heads.mean(axis=1)]
            assert len(made.maps.arrays) == len(layers)
            for array, layer in zip(made.maps.arrays, layers, strict=True):
                np.testing.assert_allclose(array[index], layer, rtol=0, atol=1e-4)


def test_all_tokens_together_are_one(editor):
    maps = editor.generate(PROMPT, **RUN, capture=MapsRequest(range(77), resolution="all")).maps
    assert maps.resolutions == ((16, 16), (8, 8), (4, 4))
    for array in maps.arrays:
        np.testing.assert_allclose(array.sum(axis=0), 1, atol=1e-4)


def test_every_word_of_the_prompt_by_default(editor):
    maps = editor.maps(editor.generate("a dog and a teddy bear", **RUN))
    assert maps.words == ("a[0]", "dog", "and", "a[1]", "teddy", "bear")
    assert maps.info.picture_size == (32, 32)
    assert "mean over steps 0 to 3 of 4, 2 heads, 3 layers of 16 x 16" in maps.aggregation


@pytest.mark.parametrize("size", [(32, 32), (32, 48), (36, 52), (64, 96)])
def test_layers_are_known_before_they_run(editor, size):
    """The heights, widths and heads that a request is planned with are those of the network itself."""
    adapter = editor._adapter
    seen = {}

    def handler(call: AttentionCall) -> torch.Tensor:
        seen[call.site] = (call.q.shape[1], call.q.shape[2])
        return call.plain()

    layers = adapter.attention_layers(*size)
    with torch.no_grad(), Intercept(attention_modules(adapter._unet), layers, handler):
        adapter._unet(adapter.noise(0, *size), 1, encoder_hidden_states=adapter.encode(PROMPT).states)
    assert [layer.site for layer in layers] == list(seen), "in the order in which they run"
    assert [(layer.heads, layer.pixels) for layer in layers] == list(seen.values())


@pytest.mark.parametrize("keep_bytes", [0, 150_000, 1 << 30])
@pytest.mark.parametrize("self_components", [0, 3])
def test_a_source_seen_again_is_the_source_seen_at_once(tiny_folder, keep_bytes, self_components):
    editor = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=keep_bytes)
    asked = MapsRequest(["dog", "apple"], per_step=True, self_components=self_components)
    source = editor.generate(PROMPT, **RUN, capture=asked)
    again = editor.maps(source, asked)
    assert again.info.component_shares == pytest.approx(source.maps.info.component_shares, abs=1e-4)
    assert replace(again.info, component_shares=()) == replace(source.maps.info, component_shares=())
    np.testing.assert_allclose(again.arrays[0], source.maps.arrays[0], rtol=0, atol=1e-4)
    if self_components:
        np.testing.assert_allclose(again.components, source.maps.components, rtol=0, atol=1e-4)
        assert again.components.shape == (3, 16, 16)


def test_a_kept_source_is_seen_without_running_the_model(editor):
    source = editor.generate(PROMPT, **RUN)
    expected = editor.maps(source, "dog").word("dog")
    calls = []
    handle = editor._adapter._unet.register_forward_hook(lambda *_: calls.append(1))
    try:
        np.testing.assert_array_equal(editor.maps(source, "dog").word("dog"), expected)
        assert calls == []
        half = MapsRequest("dog", steps=(0.5, 1.0))
        editor.maps(Editor(editor._adapter, editor.model, keep_bytes=0).generate(PROMPT, **RUN), half)
    finally:
        handle.remove()
    assert len(calls) == STEPS + STEPS // 2, "one call for each asked step that is not kept"


@pytest.mark.parametrize("reads", ["edited", "own"])
def test_an_edit_seen_again_is_the_edit_seen_at_once(editor, reads):
    asked = MapsRequest(["cat", "apple"], per_step=True, reads=reads)
    targets = ["a cat eating an apple", "a big cat eating an apple"]
    together = editor.generate_and_edit(PROMPT, targets, **RUN, capture=asked)
    assert together[0].source.maps.words == ("apple",)
    later = editor.edit(editor.generate(PROMPT, **RUN), targets, capture=asked)
    for one, other in zip(together, later, strict=True):
        assert other.source.maps is None
        for maps in (other.maps, editor.maps(one, asked), editor.maps(other, asked)):
            assert maps.info == one.maps.info
            np.testing.assert_allclose(maps.arrays[0], one.maps.arrays[0], rtol=0, atol=1e-4)
    assert np.abs(together[0].maps.arrays[0] - together[1].maps.arrays[0]).max() > 1e-3


def test_while_words_keep_the_sources_maps_they_are_the_sources(editor):
    asked = MapsRequest(["dog", "cat"], per_step=True)
    result = editor.generate_and_edit(PROMPT, "a cat eating an apple", **RUN, cross_replace_steps=0.6, capture=asked)
    apart = [
        np.abs(result.maps.step(i).word("cat") - result.source.maps.step(i).word("dog")).max() for i in range(STEPS)
    ]
    assert max(apart[:3]) < 1e-5 < 1e-3 < apart[3]


def test_capturing_changes_no_pixel(editor):
    asked = MapsRequest(per_step=True, per_head=True, resolution="all", self_components=3)
    source, seen = editor.generate(PROMPT, **RUN), editor.generate(PROMPT, **RUN, capture=asked)
    assert source.record == seen.record
    for made in ({"capture": asked}, {}):
        edited = editor.edit(source, "a cat eating an apple", **made)
        assert torch.equal(edited.latents, editor.edit(seen, "a cat eating an apple").latents)
    plain = editor.generate_and_edit(PROMPT, "a big dog", **RUN)
    assert editor.generate_and_edit(PROMPT, "a big dog", **RUN, capture=asked).record == plain.record


class Broken(Exception):
    pass


def test_an_interruption_leaves_nothing(editor):
    before = editor.generate(PROMPT, **RUN)
    asked = MapsRequest(per_step=True, self_components=3)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Broken

    for broken in (
        lambda: editor.generate(PROMPT, **RUN, capture=asked, on_step=stop),
        lambda: editor.edit(before, "a cat eating an apple", capture=asked, on_step=stop),
        lambda: editor.maps(before, asked, on_step=stop),
    ):
        with pytest.raises(Broken):
            broken()
        assert before.maps is None
        assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in editor._adapter._unet.modules()) == 0
        assert torch.equal(editor.generate(PROMPT, **RUN).latents, before.latents)


def test_what_cannot_be_seen_is_told_before_the_model_runs(editor):
    source = editor.generate(PROMPT, **RUN)
    calls = []
    handle = editor._adapter._unet.register_forward_hook(lambda *_: calls.append(1))
    try:
        for run in (
            lambda asked: editor.generate(PROMPT, **RUN, capture=asked),
            lambda asked: editor.maps(source, asked),
            lambda asked: editor.edit(source, "a cat eating an apple", capture=asked),
        ):
            with pytest.raises(PromptError, match="word 'horse' is not in the prompt"):
                run(MapsRequest("horse"))
            with pytest.raises(SettingsError, match="over max_bytes = 5"):
                run(MapsRequest(max_bytes=5))
            with pytest.raises(SettingsError, match="there are: 16 x 16, 8 x 8, 4 x 4"):
                run(MapsRequest(resolution=64))
    finally:
        handle.remove()
    assert calls == []


def test_a_photograph_whose_steps_begin_later_is_seen(editor):
    photo = editor.generate("a cat", seed=1).image
    source = editor.invert(photo, "a cat", method="edit-friendly", skip=0.5, num_inference_steps=4)
    assert source.kept.num_steps == 2
    assert editor.maps(source, "cat").info.steps == (0, 1)
    edit = editor.edit(source, "a dog", capture=MapsRequest("dog"))
    assert np.array_equal(editor.maps(edit, "dog").word("dog"), edit.maps.word("dog"))


def test_replays_are_seen(editor):
    asked = MapsRequest("apple")
    source = editor.generate(PROMPT, **RUN, capture=asked)
    np.testing.assert_array_equal(editor.replay(source.record, capture=asked).maps.arrays[0], source.maps.arrays[0])
    for made in (editor.edit(source, "a cat eating an apple"), editor.generate_and_edit(PROMPT, "a big dog", **RUN)):
        if "apple" in made.target:
            again = editor.replay(made.record, capture=asked)[0]
            np.testing.assert_allclose(again.maps.word("apple"), editor.maps(made, asked).word("apple"), atol=1e-4)


def test_the_bundled_model_at_another_aspect():
    editor = Editor.from_pretrained()
    native = editor.model.native_size[0]
    size = (native, native * 3 // 2)
    source = editor.generate(PROMPT, num_inference_steps=3, size=size, capture=MapsRequest("dog", self_components=3))
    height, width = source.maps.word("dog").shape
    assert height >= 16
    assert width == height * 3 // 2
    assert source.maps.resized().word("dog").shape == source.image.size[::-1]
    assert source.maps.components.shape[0] == 3


def test_a_network_with_other_numbers_of_heads(tmp_path):
    folder = tiny_sd_folder(tmp_path / "model", attention_head_dim=(2, 4, 4), sample_size=32)
    editor = Editor.from_pretrained(folder, "cpu")
    maps = editor.generate(PROMPT, **RUN, capture=MapsRequest("dog", resolution="all", per_head=True)).maps
    assert [array.shape[2] for array in maps.arrays] == [2, 4, 4]
    np.testing.assert_allclose(
        maps.at(32).word("dog"), np.mean([maps.at(32).head(i).word("dog") for i in range(2)], axis=0), atol=1e-6
    )
