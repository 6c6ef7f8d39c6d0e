"""An edit broken off at any attention layer of any step leaves diffusers' own pipeline bit for bit as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import nn

from helpers.loaded import load_model
from wordbrush.editor import Editor
from wordbrush.models.intercept import attention_modules
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

STEPS = 2


class Broken(Exception):
    pass


@pytest.fixture
def shared(tiny_folder) -> tuple[StableDiffusionPipeline, Editor]:
    """A pipeline, and an editor on the same modules."""
    pipeline = tiny_pipeline()
    adapter = StableDiffusion(
        pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae, pipeline.scheduler.config
    )
    return pipeline, Editor(adapter, load_model(tiny_folder, "cpu", None)[1])


@contextmanager
def broken_at(layer: nn.Module, call: int) -> Iterator[list[int]]:
    """The layer's own output projection raises at its `call`-th use: inside of the attention, after its kernel."""
    calls: list[int] = []

    def count(*_: object) -> None:
        calls.append(1)
        if len(calls) == call:
            raise Broken

    handle = layer.to_out[0].register_forward_pre_hook(count)
    try:
        yield calls
    finally:
        handle.remove()


def picture(pipeline: StableDiffusionPipeline) -> torch.Tensor:
    return pipeline(
        "a dog", num_inference_steps=2, generator=torch.Generator().manual_seed(0), output_type="latent"
    ).images


def left_behind(model: nn.Module) -> int:
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) + ("forward" in vars(m))
        for m in model.modules()
    )


@pytest.mark.parametrize("kept", [False, True], ids=["together", "later edit"])
def test_at_every_layer_of_every_step(shared, kept):
    pipeline, editor = shared
    before = picture(pipeline)
    processors = dict(pipeline.unet.attn_processors)
    run = {"seed": 1, "num_inference_steps": STEPS}
    source = editor.generate("a dog", **run)
    wanted = {"cross_replace_steps": 1.0, "self_replace_steps": 1.0}
    layers = attention_modules(pipeline.unet)
    assert len(layers) == 14
    for layer in layers.values():
        for step in range(1, STEPS + 1):
            with broken_at(layer, step) as calls, pytest.raises(Broken):
                if kept:
                    editor.edit(source, "a big cat", **wanted)
                else:
                    editor.generate_and_edit("a dog", "a big cat", **run, **wanted)
            assert len(calls) == step
            assert left_behind(pipeline.unet) == 0
            assert torch.overrides._get_current_function_mode() is None
            assert pipeline.unet.attn_processors == processors
            assert torch.equal(picture(pipeline), before)
