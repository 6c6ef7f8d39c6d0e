"""ControlNets and IP-Adapters beside an edit: a plain picture is the pipeline's, and edits act on the words alone."""

from contextlib import contextmanager
from copy import deepcopy
from functools import partial, wraps

import pytest
import torch
from diffusers import StableDiffusionControlNetPipeline

from helpers.cross_family import (
    assert_a_photograph_is_edited,
    assert_targets_are_each_alone,
    assert_weights_windows_and_blend_act,
    run_of,
)
from helpers.failing_layers import fail_in_each_layer
from helpers.formed_cross import Formed, formed_edit
from helpers.idle_edit import assert_an_idle_edit_is_the_plain_picture
from helpers.reused_features import assert_reused_features_are_what_is_computed
from helpers.sabotage import assert_nothing_is_left, forming_maps, twice
from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.surroundings import Surroundings
from wordbrush.editor import Editor
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.replace import replace
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import ControlError, ModelError, PhotoError, RecordError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.intercept import attention_modules
from wordbrush.models.unet import UNetLayers
from wordbrush.runs.record import RunRecord
from wordbrush.sampling.adapter import RegionCall
from wordbrush.tokens.pair import PromptPair
from wordbrush_bench.tiny.guided import picture, tiny_control_net, tiny_controlled, tiny_controlled_xl, with_ip_adapter
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import SIZE, tiny_xl

PROMPT, TARGETS = "a photo of a dog eating an apple", ["a photo of a cat eating an apple", "a big dog eating an apple"]
STEPS = 3
RUN = run_of(SIZE, 5.0)
SCALE = 0.7
CONTROL, LOOK = picture(1), picture(2, (30, 50))


def with_both():
    return with_ip_adapter(tiny_controlled())


GUIDED = {
    "sd": (tiny_controlled, {"control_image": CONTROL}),
    "xl": (tiny_controlled_xl, {"control_image": CONTROL}),
    "two": (partial(tiny_controlled, 2), {"control_image": [CONTROL, picture(3)]}),
    "ip": (lambda: with_ip_adapter(tiny_pipeline()), {"ip_adapter_image": LOOK}),
    "ip-xl": (lambda: with_ip_adapter(tiny_xl()), {"ip_adapter_image": LOOK}),
    "ip-plus": (lambda: with_ip_adapter(tiny_pipeline(), plus=True), {"ip_adapter_image": LOOK}),
    "both": (with_both, {"control_image": CONTROL, "ip_adapter_image": LOOK}),
}
"""Pipelines, and what guides them."""


def scaled(guides):
    scale = {"controlnet_conditioning_scale": SCALE} if "control_image" in guides else {}
    return {**guides, **scale, **({"ip_adapter_scale": SCALE} if "ip_adapter_image" in guides else {})}


def guided(pipeline, guides) -> Editor:
    editor = Editor.from_pipeline(pipeline)
    editor.load_guides(**scaled(guides))
    return editor


@pytest.fixture(scope="module", params=GUIDED)
def made(request):
    """In float64: maps this sharp make much of float32's rounding."""
    build, guides = GUIDED[request.param]
    pipeline = build().to(torch.float64)
    return pipeline, guided(pipeline, guides), guides


@pytest.fixture(scope="module")
def both():
    pipeline = with_both()
    return pipeline, guided(pipeline, GUIDED["both"][1])


def call_of(guides):
    """What the family's own pipeline is called with."""
    call = {"height": SIZE[0], "width": SIZE[1], "num_inference_steps": STEPS, "guidance_scale": 5.0}
    if "control_image" in guides:
        several = isinstance(guides["control_image"], list)
        call |= {"image": guides["control_image"], "controlnet_conditioning_scale": [SCALE] * 2 if several else SCALE}
    if "ip_adapter_image" in guides:
        call["ip_adapter_image"] = guides["ip_adapter_image"]
    return call


@contextmanager
def set_by_its_owner(pipeline, guides):
    """A scope in which the pipeline itself has the IP-Adapter's scale, if it has one."""
    if "ip_adapter_image" in guides:
        pipeline.set_ip_adapter_scale(SCALE)
    yield
    if "ip_adapter_image" in guides:
        pipeline.set_ip_adapter_scale(1.0)


def drawn(pipeline, guides, **more):
    """What the family's own pipeline makes of the same seed."""
    call = {**call_of(guides), "output_type": "latent", "generator": torch.Generator().manual_seed(3), **more}
    with set_by_its_owner(pipeline, guides):
        return pipeline(PROMPT, **call).images


@pytest.mark.parametrize("more", [{}, {"negative_prompt": "red"}, {"guidance_scale": 1.0}])
def test_a_plain_picture_is_the_pipelines_bit_for_bit(made, more):
    pipeline, editor, guides = made
    expected = drawn(pipeline, guides, **more)
    source = editor.generate(PROMPT, **{**RUN, **more})
    assert torch.equal(source.latents, expected)
    other = {**guides, **{name: picture(9) for name in guides if guides[name] in (CONTROL, LOOK)}}
    if other != guides:  # it sees the picture
        assert not torch.equal(drawn(pipeline, other, **more), expected)


def test_a_fused_edit_equals_its_maps_formed(made):
    """Of the U-Net's text and picture alone: what an IP-Adapter reads, and ControlNets, are as they are."""
    pipeline, editor, guides = made
    target = "a photo of a castle eating an apple"  # of another number of tokens
    windows = {"cross_replace_steps": 0.5, "self_replace_steps": 0.4, "self_replace_max_pixels": 1 << 16}
    ours = editor.generate_and_edit(PROMPT, target, **RUN, edit="replace", **windows)
    pair = replace(PromptPair.of(*(editor._adapter.tokenize(prompt) for prompt in (PROMPT, target))))
    made_of = pair.transfer_ST.double(), pair.keep_T.double()
    formed = Formed(*made_of, text_steps=int(0.5 * (STEPS + 1)), image_steps=int(0.4 * STEPS))
    start = ours.source.kept.latents[0].expand(2, -1, -1, -1).contiguous()
    with set_by_its_owner(pipeline, guides):
        theirs = formed_edit(pipeline, pipeline.unet, formed, [PROMPT, target], start, **call_of(guides))
    assert (ours.latents - editor.regenerate(ours.source, target).latents).abs().max() > 1e-2
    torch.testing.assert_close(ours.source.latents, theirs[:1], rtol=0, atol=1e-8)
    torch.testing.assert_close(ours.latents, theirs[1:], rtol=0, atol=1e-8)


def test_an_edit_that_does_nothing_is_the_plain_picture_bit_for_bit(made):
    _, editor, _ = made
    assert_an_idle_edit_is_the_plain_picture(editor._adapter, PROMPT, SIZE)


@pytest.mark.parametrize("made", ["xl", "both"], indirect=True)
def test_several_targets_are_each_alone_and_records_replay(made):
    assert_targets_are_each_alone(made[1], RUN)


@pytest.mark.parametrize("made", ["xl", "both"], indirect=True)
def test_weights_windows_blend_and_maps(made):
    _, editor, _ = made
    assert_weights_windows_and_blend_act(editor, RUN)
    source = editor.generate(PROMPT, **RUN, capture=MapsRequest(["dog"]))
    assert torch.equal(source.latents, editor.generate(PROMPT, **RUN).latents)
    torch.testing.assert_close(editor.maps(source, "dog").word("dog"), source.maps.word("dog"), rtol=0, atol=1e-4)


@pytest.mark.parametrize("method", ["ddim", "edit-friendly", "null-text", "negative-prompt"])
def test_a_photograph_is_edited(both, method):
    assert_a_photograph_is_edited(both[1], RUN, method, STEPS, 5.0)


def test_an_inversion_sees_the_guides(both):
    """Its way to noise is another with another picture, and comes back to the photograph with the same."""
    pipeline, editor = both
    photo = editor.generate(PROMPT, **RUN).image
    options = {"method": "ddim", "num_inference_steps": STEPS, "guidance_scale": 1.0}
    source = editor.invert(photo, PROMPT, **options)
    other = guided(pipeline, {"control_image": picture(5), "ip_adapter_image": LOOK}).invert(photo, PROMPT, **options)
    assert not torch.allclose(other.kept.latents[0], source.kept.latents[0], atol=1e-2)


def test_as_many_calls_are_controlled_as_without(made):
    pipeline, editor, _ = made
    layers = {"cross_replace_steps": 1.0, "self_replace_steps": 1.0, "self_replace_max_pixels": 1 << 20}
    result = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, **layers)
    assert result.record.controlled_calls == STEPS * len(UNetLayers(pipeline.unet, 77).modules)


def test_after_an_exception_nothing_is_left(both):
    pipeline, editor = both
    pipeline.set_ip_adapter_scale(0.9)
    expected = editor.generate(PROMPT, **RUN).latents
    fail_in_each_layer(pipeline.unet, lambda: editor.generate_and_edit(PROMPT, TARGETS[0], **RUN))
    assert_nothing_is_left(pipeline.unet)
    assert_nothing_is_left(pipeline.controlnet)
    scales = [p.scale for p in pipeline.unet.attn_processors.values() if hasattr(p, "scale")]
    assert scales
    assert all(scale == [0.9] for scale in scales)
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)
    pipeline.set_ip_adapter_scale(1.0)


def test_an_ip_adapters_scale_is_that_of_processors_which_its_owner_replaced():
    pipeline = with_ip_adapter(tiny_pipeline())
    editor = guided(pipeline, {"ip_adapter_image": LOOK})
    expected = editor.generate(PROMPT, **RUN).latents
    pipeline.unet.set_attn_processor({name: deepcopy(own) for name, own in pipeline.unet.attn_processors.items()})
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


def test_a_source_and_a_record_belong_to_the_pictures_that_guided_them(both):
    pipeline, editor = both
    source = editor.generate(PROMPT, **RUN)
    result = editor.edit(source, TARGETS[0])
    record = RunRecord.from_json(result.record.to_json())
    assert record.model.guides is not None
    assert "x 0.7, IP-Adapter image" in record.model.described
    other = Editor.from_pipeline(pipeline)
    for control_image, scale, look_scale in ((picture(5), 0.7, 0.7), (CONTROL, 0.6, 0.7), (CONTROL, 0.7, 0.6)):
        other.unload_guides()
        with pytest.raises(RecordError, match="was made with the control image"):
            other.replay(record)
        other.load_guides(
            control_image=control_image,
            controlnet_conditioning_scale=scale,
            ip_adapter_image=LOOK,
            ip_adapter_scale=look_scale,
        )
        assert other.model.fingerprint != editor.model.fingerprint
        with pytest.raises(SettingsError, match="load the same guides"):
            other.edit(source, TARGETS[0])
        with pytest.raises(RecordError, match="there are other guides, or none"):
            other.replay(record)
        with pytest.raises(RecordError, match="there are other guides, or none"):
            other.load_recorded(record, control_image=picture(5), ip_adapter_image=LOOK)
        with pytest.raises(RecordError, match="there are other guides, or none"):
            other.load_recorded(record, ip_adapter_image=LOOK)
    other.load_recorded(record, control_image=CONTROL, ip_adapter_image=LOOK)
    assert torch.equal(other.edit(source, TARGETS[0]).latents, result.latents)
    assert torch.equal(other.replay(record)[0].latents, result.latents)


def test_a_record_without_guides_is_not_made_with_them():
    pipeline = tiny_pipeline()
    record = Editor.from_pipeline(pipeline).generate(PROMPT, **RUN).record
    other = Editor.from_pipeline(pipeline)
    with pytest.raises(RecordError, match="was made without guides"):
        other.load_recorded(record, control_image=CONTROL)
    other.load_recorded(record)
    assert record.model.guides is None
    with_ip_adapter(pipeline)
    other.load_guides(ip_adapter_image=LOOK)
    with pytest.raises(RecordError, match="was made without guides"):
        other.replay(record)


def test_the_strength_that_its_owner_gave_an_ip_adapter_is_part_of_the_model():
    pipeline = with_ip_adapter(tiny_pipeline())
    editor = Editor.from_pipeline(pipeline)
    editor.load_guides(ip_adapter_image=LOOK)
    source = editor.generate(PROMPT, **RUN)
    pipeline.set_ip_adapter_scale({"mid": 0.5, "up": {"block_1": [1.0, 0.0]}})
    with pytest.raises(SettingsError, match="use the editor that made it"):
        editor.edit(source, TARGETS[0])
    expected = pipeline(
        PROMPT,
        ip_adapter_image=LOOK,
        height=SIZE[0],
        width=SIZE[1],
        num_inference_steps=STEPS,
        guidance_scale=5.0,
        output_type="latent",
        generator=torch.Generator().manual_seed(3),
    ).images
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


@pytest.mark.parametrize(
    ("build", "guides", "told"),
    [
        (tiny_pipeline, {}, "give control_image or ip_adapter_image"),
        (tiny_pipeline, {"control_image": CONTROL}, "the model has no ControlNet"),
        (tiny_pipeline, {"ip_adapter_image": LOOK}, "the model has no IP-Adapter"),
        (tiny_controlled, {"control_image": [CONTROL] * 2}, "has 2 pictures for 1 ControlNets"),
        (
            tiny_controlled,
            {"control_image": CONTROL, "controlnet_conditioning_scale": [1.0, 2.0]},
            "has 2 numbers for 1 control images",
        ),
        (
            tiny_controlled,
            {"control_image": CONTROL, "controlnet_conditioning_scale": float("nan")},
            "give a finite number",
        ),
        (tiny_controlled, {"control_image": CONTROL, "ip_adapter_scale": 1.0}, "give ip_adapter_image too"),
    ],
)
def test_pictures_that_nothing_reads_are_refused(build, guides, told):
    editor = Editor.from_pipeline(build())
    with pytest.raises(SettingsError, match=told):
        editor.load_guides(**guides)
    assert editor.model.guides is None


def test_a_picture_is_read_as_a_photograph_is(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    editor = Editor.from_pipeline(tiny_controlled())
    with pytest.raises(PhotoError):
        editor.load_guides(control_image=tmp_path / "broken.png")
    CONTROL.save(tmp_path / "control.png")
    editor.load_guides(control_image=tmp_path / "control.png", controlnet_conditioning_scale=SCALE)
    assert editor.model.guides == guided(tiny_controlled(), {"control_image": CONTROL}).model.guides


def test_without_its_picture_a_model_makes_nothing():
    with pytest.raises(SettingsError, match=r"has a ControlNet, and no picture for it.*load_guides"):
        Editor.from_pipeline(tiny_controlled()).generate(PROMPT, **RUN)
    with pytest.raises(SettingsError, match=r"has an IP-Adapter, and no picture for it.*load_guides"):
        Editor.from_pipeline(with_ip_adapter(tiny_pipeline())).generate(PROMPT, **RUN)
    pipeline = with_both()
    editor = guided(pipeline, GUIDED["both"][1])
    editor.unload_guides()
    with pytest.raises(SettingsError, match="no picture for it"):
        editor.generate(PROMPT, **RUN)


def test_ip_adapters_that_cannot_be_edited_beside_are_refused_by_name():
    pipeline = with_ip_adapter(tiny_pipeline())
    editor = guided(pipeline, {"ip_adapter_image": LOOK})
    pipeline.image_encoder = None
    with pytest.raises(SettingsError, match="an IP-Adapter without an image_encoder"):
        editor.generate(PROMPT, **RUN)
    layers = pipeline.unet.encoder_hid_proj.image_projection_layers
    layers.append(layers[0])
    with pytest.raises(SettingsError, match="the IP-Adapter ImageProjection and ImageProjection"):
        guided(pipeline, {"ip_adapter_image": LOOK}).generate(PROMPT, **RUN)


def test_control_nets_that_do_not_fit_are_refused_by_name():
    pipeline = tiny_controlled()
    net = pipeline.controlnet
    pipeline.controlnet = tiny_control_net(tiny_xl().unet)
    with pytest.raises(ModelError, match=r"has a ControlNet with .* and a U-Net with .* of two models"):
        Editor.from_pipeline(pipeline)
    pipeline.controlnet = net
    net.register_to_config(global_pool_conditions=True)
    with pytest.raises(ModelError, match="guess mode"):
        Editor.from_pipeline(pipeline)
    net.register_to_config(global_pool_conditions=False)
    pipeline.controlnet = torch.nn.Identity()
    with pytest.raises(ModelError, match="the ControlNet Identity"):
        Editor.from_pipeline(pipeline)


def more_of_the_picture(own, *args, **given):
    """It attends to more tokens of the picture than the IP-Adapter has."""
    words, (look,) = given.pop("encoder_hidden_states")
    return own(*args, encoder_hidden_states=(words, [torch.cat([look, look], dim=2)]), **given)


def joined(own, *args, **given):
    """It attends to text and picture on one axis, as its earlier form."""
    words, (look,) = given.pop("encoder_hidden_states")
    return own(*args, encoder_hidden_states=(torch.cat([words, look[:, 0]], dim=1), [look]), **given)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (forming_maps, "did not use PyTorch's scaled_dot_product_attention"),
        (twice, "keys, where"),
        (more_of_the_picture, "queries and 8 keys, where"),
        (joined, "queries and 81 keys, where"),
    ],
)
def test_a_sabotaged_layer_is_refused(both, how, told):
    pipeline, editor = both
    layer = pipeline.unet.mid_block.attentions[0].transformer_blocks[0].attn2
    before = layer.processor
    expected = editor.generate(PROMPT, **RUN).latents
    layer.set_processor(_answered(before, how))
    with pytest.raises(ControlError, match=told):
        editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, cross_replace_steps=1.0)
    assert_nothing_is_left(pipeline.unet)
    layer.set_processor(before)
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


@pytest.mark.parametrize("name", ["sd", "xl", "two", "ip"])
def test_deep_features_of_the_same_call_give_the_same_prediction(name):
    """Of ControlNets what is added to the first convolution is computed, and nothing else is needed."""
    build, guides = GUIDED[name]
    pipeline = build()  # held, as its owner would
    assert_reused_features_are_what_is_computed(guided(pipeline, guides)._adapter, PROMPT, SIZE)


def test_a_region_beside_an_ip_adapter_is_what_a_whole_call_computes():
    adapter = guided(with_ip_adapter(tiny_pipeline()), {"ip_adapter_image": LOOK})._adapter
    text, noise = adapter.encode(PROMPT), adapter.noise(1, *SIZE)
    timestep, layout = adapter.solver(4, *SIZE).timesteps[1], BatchLayout.of([1], guided=False)
    cells = torch.zeros(16, 24, dtype=torch.bool)
    cells[4:8, 8:12] = True
    region = adapter.region_form.region(cells, 0)
    plain, _ = adapter.predict(noise, timestep, text, None)
    surroundings = Surroundings()
    surroundings.begin(layout, None)
    assert torch.equal(adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))[0], plain)
    surroundings.begin(layout, region)
    alone, _ = adapter.predict(noise, timestep, text, None, 1.0, RegionCall(surroundings))
    assert (alone - plain).abs().max() < 1e-5


def test_beside_a_control_net_every_step_is_whole():
    editor = guided(tiny_controlled(), {"control_image": CONTROL})
    source = editor.generate(PROMPT, seed=5, num_inference_steps=2, size=(96, 96))
    mask = LatentMask(tuple("#" * 15 + "." * 33 if row < 15 else "." * 48 for row in range(48)))
    exact = editor.edit(source, TARGETS[0], local_blend=LocalBlend((), mask=mask))
    fast = editor.edit(source, TARGETS[0], local_blend=LocalBlend((), mask=mask), fast=Shortcuts(region_interval=2))
    assert torch.equal(fast.latents, exact.latents)
    assert "the region alone" not in str(fast.record.acted)


def test_a_folder_is_its_pipeline(tmp_path):
    pipeline = tiny_controlled()
    pipeline.save_pretrained(tmp_path / "one")
    loaded = Editor.from_pretrained(tmp_path / "one", dtype="float32")
    loaded.load_guides(control_image=CONTROL, controlnet_conditioning_scale=SCALE)
    source = loaded.generate(PROMPT, **RUN)
    assert torch.equal(source.latents, drawn(pipeline, {"control_image": CONTROL}))
    assert loaded.replay(source.record).image.tobytes() == source.image.tobytes()
    tiny_controlled(2).save_pretrained(tmp_path / "two")
    with pytest.raises(ModelError, match=r"has several ControlNets.*from_pipeline"):
        Editor.from_pretrained(tmp_path / "two", dtype="float32")


def test_a_compiled_control_net_runs_beside_an_edit():
    pipeline = tiny_controlled()
    expected = guided(pipeline, {"control_image": CONTROL}).generate_and_edit(PROMPT, TARGETS[0], **RUN).latents
    pipeline.controlnet = torch.compile(pipeline.controlnet, backend="eager")
    ours = guided(pipeline, {"control_image": CONTROL}).generate_and_edit(PROMPT, TARGETS[0], **RUN).latents
    torch._dynamo.reset()
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)


def test_the_attention_inside_of_an_ip_adapter_is_no_layer_of_the_unet():
    pipeline = with_ip_adapter(tiny_pipeline(), plus=True)
    assert len(attention_modules(pipeline.unet)) > len(UNetLayers(pipeline.unet, 77).modules)
    assert isinstance(tiny_controlled(), StableDiffusionControlNetPipeline)


def _answered(processor, answer):
    """The same processor, called by `answer`."""

    class Answered(type(processor)):
        @wraps(type(processor).__call__)  # diffusers hands on what a processor names
        def __call__(self, *args, **given):
            return answer(super().__call__, *args, **given)

    changed = Answered(processor.hidden_size, processor.cross_attention_dim, processor.num_tokens, processor.scale)
    changed.load_state_dict(processor.state_dict())
    return changed
