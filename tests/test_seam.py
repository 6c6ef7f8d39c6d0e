"""The seam leaves nothing behind, and an edit that cannot act is an error."""

import inspect

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from torch import nn

from helpers.loaded import load_model
from wordbrush.attention.sites import AttentionCall
from wordbrush.editor import Editor
from wordbrush.errors import ControlError
from wordbrush.models.intercept import Intercept, attention_modules
from wordbrush.models.unet import UNetLayers
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline, tiny_unet

X, TEXT = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0)), torch.ones(2, 7, 32)


def call(unet: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return unet(X, 10, encoder_hidden_states=TEXT).sample


def scope(unet: nn.Module, handler) -> Intercept:
    return Intercept(attention_modules(unet), UNetLayers(unet, TEXT.shape[1]).at((16, 16)), handler)


def hooks(unet: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in unet.modules())


def test_passing_through_is_bit_identical_and_sees_every_layer_once():
    unet = tiny_unet()
    seen: list[AttentionCall] = []

    def handler(attention: AttentionCall) -> torch.Tensor:
        seen.append(attention)
        return attention.plain()

    plain = call(unet)
    with scope(unet, handler):
        assert torch.equal(call(unet), plain)
    assert sorted(c.site.name for c in seen) == sorted(attention_modules(unet))
    kinds = {layer: module.is_cross_attention for layer, module in attention_modules(unet).items()}
    assert all((c.site.kind == "cross") == kinds[c.site.name] for c in seen)
    assert hooks(unet) == 0
    assert not any("forward" in vars(module) for module in unet.modules())


def test_layers_run_their_processor_without_a_look_at_its_signature(monkeypatch):
    unet, looked = tiny_unet(), []
    signature = inspect.signature
    monkeypatch.setattr(inspect, "signature", lambda what: looked.append(what) or signature(what))
    plain = call(unet)
    assert len(looked) == len(attention_modules(unet))
    looked.clear()
    with scope(unet, AttentionCall.plain):
        assert torch.equal(call(unet), plain)
    assert not looked


def test_options_of_a_layer_and_a_forward_that_others_gave_it_are_kept():
    unet = tiny_unet()
    first, second, *_ = attention_modules(unet).values()
    own, seen = second.forward, []
    second.forward = lambda *args, **named: seen.append("own") or own(*args, **named)
    with torch.no_grad(), scope(unet, AttentionCall.plain):
        call(unet)
        states = torch.ones(1, 256, first.to_q.in_features)
        assert torch.equal(first(states, scale=2.0), first(states))  # diffusers leaves out what no processor takes
    assert seen == ["own"]
    assert "forward" in vars(second)


class Boom(Exception):
    pass


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, SystemExit])
def test_an_error_at_any_layer_leaves_the_model_as_it_was(error):
    unet = tiny_unet()
    plain = call(unet)
    for broken in attention_modules(unet):

        def handler(attention: AttentionCall, broken: str = broken) -> torch.Tensor:
            if attention.site.name == broken:
                raise error
            return attention.q * 0

        with pytest.raises(error), scope(unet, handler):
            call(unet)
        assert hooks(unet) == 0
        assert torch.overrides._get_current_function_mode() is None
        assert torch.equal(call(unet), plain)


def test_an_error_inside_the_model_leaves_it_as_it_was():
    unet = tiny_unet()
    ran: list[nn.Module] = []
    watches = [m.register_forward_hook(lambda module, *_: ran.append(module)) for m in unet.modules()]
    plain = call(unet)
    for watch in watches:
        watch.remove()
    assert len(ran) > 100
    for module in ran:
        handle = module.register_forward_hook(_raise)
        with pytest.raises(Boom), scope(unet, AttentionCall.plain):
            call(unet)
        handle.remove()
        assert hooks(unet) == 0
        assert torch.overrides._get_current_function_mode() is None
    assert torch.equal(call(unet), plain)


def _raise(*_: object) -> None:
    raise Boom


@pytest.mark.parametrize("sabotage", ["slicing", "legacy processor", "one legacy layer"])
def test_what_bypasses_the_kernel_is_told(sabotage):
    unet = tiny_unet()
    if sabotage == "slicing":
        unet.set_attention_slice("max")
    elif sabotage == "legacy processor":
        unet.set_attn_processor(AttnProcessor())
    else:
        unet.set_attn_processor(AttnProcessor2_0())
        next(iter(attention_modules(unet).values())).set_processor(AttnProcessor())
    with pytest.raises(ControlError, match="did not use"), scope(unet, AttentionCall.plain):
        call(unet)
    assert hooks(unet) == 0


def test_a_masked_call_passes_through_with_its_mask():
    unet = tiny_unet()
    mask = torch.ones(2, 7)
    mask[1, 3:] = 0
    seen: list[AttentionCall] = []

    def handler(attention: AttentionCall) -> torch.Tensor:
        seen.append(attention)
        return attention.plain()

    with torch.no_grad():
        plain = unet(X, 10, encoder_hidden_states=TEXT, encoder_attention_mask=mask).sample
        with scope(unet, handler):
            assert torch.equal(unet(X, 10, encoder_hidden_states=TEXT, encoder_attention_mask=mask).sample, plain)
    for attention in seen:
        hidden = None if attention.mask is None else (attention.mask[1, 0, 0] < -1000).tolist()
        assert hidden == (None if attention.layer.image else [False] * 3 + [True] * 4)


def test_a_model_whose_axes_are_not_as_said_is_told():
    unet = tiny_unet()
    wrong = Intercept(attention_modules(unet), UNetLayers(unet, 9).at((16, 16)), AttentionCall.plain)
    with pytest.raises(ControlError, match="has 256 queries and 7 keys, where 256 positions"), wrong:
        call(unet)


def test_an_edit_raises_where_it_cannot_act(tiny_folder):
    adapter, info = load_model(tiny_folder, "cpu", None)
    adapter._unet.set_attention_slice("max")
    with pytest.raises(ControlError, match="attention slicing"):
        Editor(adapter, info).generate_and_edit("a dog", "a cat", num_inference_steps=2)


def test_self_attention_too_large_for_the_limit_is_told(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu")
    with pytest.raises(ControlError, match="raise self_replace_max_pixels"):
        editor.generate_and_edit("a dog", "a cat", num_inference_steps=4, self_replace_max_pixels=8)


def test_an_interrupted_edit_leaves_the_editor_as_it_was(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu")
    run = {"seed": 1, "num_inference_steps": 4}
    before = editor.generate("a dog", **run)
    for stop in range(1, 5):

        def on_step(done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise Boom

        with pytest.raises(Boom):
            editor.edit(before, "a cat", on_step=on_step)
    assert torch.equal(editor.generate("a dog", **run).latents, before.latents)


def test_lora_scaled_layers_and_custom_hooks_still_pass():
    """Hooks of others on the same layers run as before, inside and outside of the scope."""
    unet = tiny_pipeline().unet
    layer = next(iter(attention_modules(unet).values()))
    counted = []
    handle = layer.register_forward_hook(lambda *_: counted.append(1))
    with scope(unet, AttentionCall.plain):
        call(unet)
    call(unet)
    assert len(counted) == 2
    handle.remove()
