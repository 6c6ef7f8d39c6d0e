"""Mutual self-attention and Plug-and-Play: equal to explicit twins, and under the laws of every edit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.loaded import load_model
from helpers.oracles import explicit_borrowing
from helpers.rounding import assert_same_latents
from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.borrowed import Borrowed, plan_borrowed
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plan import LocalEdits, StepEdit
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import ControlError, IdleEditError, PromptError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.sampling.text import Text
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT, TARGETS = "a dog eating an apple", ["a cat riding", "a big dog eating an apple", "a house"]
RUN = {"seed": 5, "num_inference_steps": 5, "guidance_scale": 5.0}
MUTUAL, PNP = MutualSelfAttention(start_step=0.2), PlugAndPlay()
METHODS = {
    "mutual": {"mutual_self_attention": MUTUAL},
    "plug and play": {"plug_and_play": PNP},
    "both": {"mutual_self_attention": MUTUAL, "plug_and_play": PlugAndPlay(0.6, 0.4, start_layer=0.5)},
    "features alone": {"plug_and_play": PlugAndPlay(0.8, 0.0)},
    "maps alone": {"plug_and_play": PlugAndPlay(0.0, 0.6)},
}
WITH_WINDOWS = {"cross_replace_steps": 0.6, "self_replace_steps": 0.4, "equalizer": {"big": 2.0}}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


def decoder(*blocks: str) -> list[str]:
    return [f"up_blocks.{block}.transformer_blocks.0.attn1" for block in blocks]


TINY_DECODER = decoder("1.attentions.0", "1.attentions.1", "2.attentions.0", "2.attentions.1")
TWINS = {
    "mutual": ({name: range(1, 5) for name in TINY_DECODER[1:]}, {}, {}),
    "plug and play": ({}, {name: range(2) for name in TINY_DECODER}, {"up_blocks.1.resnets.0": range(4)}),
    "both": (
        {name: range(1, 5) for name in TINY_DECODER[1:]},
        {name: range(2) for name in TINY_DECODER[2:]},
        {"up_blocks.1.resnets.0": range(3)},
    ),
    "features alone": ({}, {}, {"up_blocks.1.resnets.0": range(4)}),
    "maps alone": ({}, {name: range(3) for name in TINY_DECODER}, {}),
}


@pytest.mark.parametrize("method", TWINS)
def test_the_explicit_twin_agrees(editor, method):
    pipeline = tiny_pipeline()
    prompts = [PROMPT, *TARGETS[:2]]

    def encode(prompt: str) -> torch.Tensor:
        ids = pipeline.tokenizer(prompt, padding="max_length", return_tensors="pt").input_ids
        return pipeline.text_encoder(ids)[0]

    step = [0]
    pipeline.scheduler.set_timesteps(5)
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5)).expand(3, -1, -1, -1)
    with explicit_borrowing(pipeline.unet, step, *TWINS[method]):
        text = torch.cat([encode("")] * 3 + [encode(prompt) for prompt in prompts])
        for step[0], timestep in enumerate(pipeline.scheduler.timesteps):
            negative, positive = pipeline.unet(torch.cat([latents] * 2), timestep, text).sample.chunk(2)
            guided = negative + 5.0 * (positive - negative)
            latents = pipeline.scheduler.step(guided, timestep, latents).prev_sample
    results = editor.generate_and_edit(PROMPT, TARGETS[:2], **RUN, **METHODS[method])
    ours = torch.cat([results[0].source.latents, *(result.latents for result in results)])
    assert_same_latents(ours, latents)
    plain = torch.cat([editor.generate(prompt, **RUN).latents for prompt in TARGETS[:2]])
    assert (ours[1:] - plain).abs().max() > 1e-2, "the edit must be seen far above the tolerance"


@pytest.mark.parametrize(
    ("guidance_scale", "windows"), [(5.0, WITH_WINDOWS), (1.0, {})], ids=["guided, with windows", "unguided, alone"]
)
@pytest.mark.parametrize("method", ["mutual", "plug and play", "both"])
def test_beside_the_source_after_it_and_in_a_batch_of_several_are_the_same(
    editor, tiny_folder, method, guidance_scale, windows
):
    run = {**RUN, "guidance_scale": guidance_scale}
    chosen = {**METHODS[method], **windows}
    together = editor.generate_and_edit(PROMPT, TARGETS, **run, **chosen)
    for keep_bytes in (0, 400_000):
        keeper = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=keep_bytes)
        for later, beside in zip(
            keeper.edit(keeper.generate(PROMPT, **run), TARGETS, **chosen), together, strict=True
        ):
            assert_same_latents(later.latents, beside.latents)
            assert later.record.controlled_calls == beside.record.controlled_calls
    single = editor.edit(together[0].source, TARGETS[1], **chosen)
    assert_same_latents(single.latents, together[1].latents)


@pytest.mark.parametrize(
    ("method", "rows"),
    [("mutual", [2, 4, 4, 4, 4]), ("plug and play", [3, 3, 3, 3, 2]), ("maps alone", [2, 2, 2, 2, 2])],
)
def test_the_source_runs_again_only_where_its_tape_does_not_hold_what_is_asked(tiny_folder, method, rows):
    adapter, info = load_model(tiny_folder, "cpu", None)
    editor = Editor(adapter, info)
    source = editor.generate(PROMPT, **RUN)
    called: list[int] = []
    handle = adapter._unet.register_forward_pre_hook(lambda module, inputs: called.append(len(inputs[0])))
    editor.edit(source, TARGETS[0], **METHODS[method])
    handle.remove()
    assert called == rows


@pytest.mark.parametrize("method", ["mutual", "plug and play"])
def test_the_source_and_what_is_looked_at_are_untouched(editor, method):
    plain = editor.generate(PROMPT, **RUN)
    chosen = METHODS[method]
    together = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, **chosen)
    assert_same_latents(together.source.latents, plain.latents)
    unseen = editor.edit(plain, TARGETS[0], **chosen)
    watched = editor.edit(plain, TARGETS[0], **chosen, capture=MapsRequest("cat", self_components=2))
    assert torch.equal(unseen.latents, watched.latents)
    assert watched.maps is not None


@pytest.mark.parametrize("method", ["mutual", "plug and play"])
def test_a_local_blend_holds_what_is_outside(editor, method):
    source = editor.generate(PROMPT, **RUN)
    blend = LocalBlend(("dog", "cat"), threshold=0.7)
    result = editor.edit(source, "a cat eating an apple", **METHODS[method], local_blend=blend)
    outside = ~result.blend_masks[-1]
    assert outside.any()
    assert torch.equal(result.latents[..., outside], source.latents[..., outside])


@pytest.mark.parametrize("method", ["mutual", "plug and play", "both"])
def test_records_replay_to_the_pixel(editor, method):
    made = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, **METHODS[method])
    again = editor.replay(made.record)[0]
    assert again.record == made.record
    assert again.image.tobytes() == made.image.tobytes()


class Boom(Exception):
    pass


@pytest.mark.parametrize("method", ["both"])
def test_an_error_at_any_layer_leaves_the_model_as_it_was(tiny_folder, method, monkeypatch):
    adapter, info = load_model(tiny_folder, "cpu", None)
    editor, unet = Editor(adapter, info), adapter._unet
    run = {"seed": 1, "num_inference_steps": 2}
    before = editor.generate("a dog", **run)
    modules = [*adapter._layers.modules.values(), *adapter._layers.branches.values()]
    for module in modules:
        handle = module.register_forward_hook(_raise)
        with pytest.raises(Boom):
            editor.edit(before, "a cat", **METHODS[method])
        handle.remove()
        assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in unet.modules()) == 0
        assert torch.overrides._get_current_function_mode() is None
    monkeypatch.setattr(StepControl, "feature", _raise)
    with pytest.raises(Boom):
        editor.edit(before, "a cat", **METHODS[method])
    assert torch.equal(editor.generate("a dog", **run).latents, before.latents)


def _raise(*_: object) -> None:
    raise Boom


@pytest.mark.parametrize("kind", ["maps", "negative_maps", "content"])
def test_a_layer_that_is_not_reached_is_told(tiny_folder, kind):
    adapter, _ = load_model(tiny_folder, "cpu", None)
    borrowed = Borrowed(**{kind: frozenset({"nowhere"})})
    control = StepControl(0, BatchLayout.of([0, 1], guided=True), StepEdit((None,), (borrowed,), (LocalEdits(),)))
    text = Text.cat([adapter.encode("a dog")] * 4)
    with pytest.raises(ControlError, match=r"reached 0 of \d self-attention calls at step 0"):
        adapter.predict(adapter.noise(0, 32, 32).expand(4, -1, -1, -1), torch.tensor(1), text, control)


def test_features_that_are_not_reached_are_told():
    layout = BatchLayout.of([0, 1], guided=True)
    control = StepControl(0, layout, StepEdit((None,), (Borrowed(features=frozenset({"block"})),), (LocalEdits(),)))
    with pytest.raises(ControlError, match="reached 0 of 2 residual block calls"):
        control.verify([])
    rows = torch.arange(4.0).reshape(4, 1, 1, 1)
    assert control.feature("block", rows).flatten().tolist() == [0, 2, 2, 2]
    assert control.verify([]) == 2


def test_the_defaults_are_the_published_layers_of_stable_diffusion():
    """Layers 10 to 15 of 16 (MasaCtrl); decoder layers 4 to 11 and block 4 (Plug-and-Play)."""
    pipeline = tiny_pipeline(
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=2,
        norm_num_groups=4,
    )
    parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
    layers = StableDiffusion(*parts, pipeline.scheduler.config).editable_layers(32, 32)
    assert len(layers.self_pixels) == 16
    finest = decoder(*(f"{block}.attentions.{i}" for block in (2, 3) for i in range(3)))
    assert layers.decoder_self_from(MutualSelfAttention().start_layer) == set(finest)
    assert set(list(layers.self_pixels)[10:]) == set(finest)
    spatial = [*decoder("1.attentions.1", "1.attentions.2"), *finest]
    assert layers.decoder_self_from(PlugAndPlay().start_layer) == set(spatial)
    assert layers.decoder_block_at(PlugAndPlay().feature_layer) == "up_blocks.1.resnets.1"


LAYERS = EditableLayers(
    {"down.0": 256, "up.0": 256, "up.1": 1024, "up.2": 4096}, ("up.0", "up.1", "up.2"), ("b0", "b1")
)


def settings(**changes) -> EditSettings:
    return EditSettings.of(
        **{"targets": ["a cat"], "edit": "auto", "cross_replace_steps": 0, "self_replace_steps": 0, **changes}
    )


parts = st.floats(0, 1, exclude_max=True)


@given(st.floats(0, 1), st.floats(0, 1), parts, st.floats(0, 1), st.integers(1, 60))
def test_a_layer_reads_the_source_inside_the_window_unless_its_map_is_the_sources(one, other, layer, self_end, steps):
    mutual = MutualSelfAttention(min(one, other), max(one, other), layer)
    chosen = settings(mutual_self_attention=mutual, self_replace_steps=self_end)
    try:
        plan = plan_borrowed(chosen, chosen.self_replace_steps, LAYERS, steps)
    except SettingsError:
        plan = ()
    acting = range(int(mutual.start_step * steps), int(mutual.end_step * steps))
    read = LAYERS.decoder_self_from(layer)
    expected = [
        (read if i in acting else set()) - (LAYERS.self_up_to(256) if i < int(self_end * steps) else set())
        for i in range(steps)
    ]
    assert [step.content for step in plan] == (expected if any(expected) else [])
    assert all(not step.negative_maps and not step.features for step in plan)


@given(st.floats(0, 1), st.floats(0, 1), parts, parts, st.integers(1, 60))
def test_plug_and_play_acts_from_the_first_step(features, attention, feature_layer, start_layer, steps):
    pnp = PlugAndPlay(features, attention, feature_layer, start_layer)
    counts = int(features * steps), int(attention * steps)
    if not any(counts):
        with pytest.raises(SettingsError, match="Plug-and-Play selects none"):
            plan_borrowed(settings(plug_and_play=pnp), (0.0, 0.0), LAYERS, steps)
        return
    plan = plan_borrowed(settings(plug_and_play=pnp), (0.0, 0.0), LAYERS, steps)
    assert [len(step.features) for step in plan] == [1] * counts[0] + [0] * (steps - counts[0])
    held = LAYERS.decoder_self_from(start_layer)
    assert [step.maps for step in plan] == [held] * counts[1] + [set()] * (steps - counts[1])
    assert all(step.maps == step.negative_maps for step in plan)


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "0.5", float("nan"), None])
def test_bad_windows_are_named(value):
    for make, name in (
        (lambda: MutualSelfAttention(start_step=value), "mutual self-attention"),
        (lambda: PlugAndPlay(feature_replace_steps=value), "feature_replace_steps"),
        (lambda: PlugAndPlay(attention_replace_steps=value), "attention_replace_steps"),
    ):
        with pytest.raises(SettingsError, match=name):
            make()


@pytest.mark.parametrize("layers", [EditableLayers({"a": 1}, (), ("b",)), EditableLayers({"a": 1}, ("a",), ())])
def test_a_model_without_the_layers_is_told(layers):
    with pytest.raises(ControlError, match="this model has no"):
        plan_borrowed(settings(plug_and_play=PlugAndPlay()), (0.0, 0.0), layers, 10)


def test_prompts_may_share_no_word_or_have_none_but_not_be_the_same(editor):
    for source, target in (("", "a dog"), ("a dog", "castle house mat"), ("a dog", "")):
        result = editor.generate_and_edit(source, target, **RUN, mutual_self_attention=MUTUAL)
        assert result.record.controlled_calls == 4 * 2 * 3
    with pytest.raises(PromptError, match="source and target are both"):
        editor.generate_and_edit("a dog", "a dog", **RUN, plug_and_play=PNP)
    assert editor.generate_and_edit("a dog", "a dog", **RUN, plug_and_play=PNP, equalizer={"dog": 2.0})


def test_windows_that_are_not_given_are_empty_beside_a_method(editor):
    result = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, mutual_self_attention=MUTUAL)
    assert result.record.edit.cross_replace_steps == {"default_": (0.0, 0.0)}
    assert result.record.edit.self_replace_steps == (0.0, 0.0)
    with pytest.raises(IdleEditError):
        editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, cross_replace_steps=0.0, self_replace_steps=0.0)


@pytest.mark.parametrize("inversion", ["direct", "null-text", "edit-friendly"])
@pytest.mark.parametrize("method", ["mutual", "plug and play"])
def test_photographs_are_edited_as_generated_pictures_are(editor, method, inversion):
    photo = editor.generate(PROMPT, **RUN).image
    source = editor.invert(photo, PROMPT, method=inversion, num_inference_steps=4, guidance_scale=5.0)
    plain = editor.regenerate(source, TARGETS[0])
    single = editor.edit(source, TARGETS[0], **METHODS[method])
    assert (single.latents - plain.latents).abs().max() > 1e-3
    pair = editor.edit(source, TARGETS[:2], **METHODS[method])
    assert_same_latents(pair[0].latents, single.latents)
    again = editor.replay(single.record, photo=photo)[0]
    assert again.image.tobytes() == single.image.tobytes()
