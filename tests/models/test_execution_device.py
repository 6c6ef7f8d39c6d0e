"""Where a model computes: where its weights are, and with hooks that offload them where these bring them."""

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from torch import nn

from wordbrush.models.execution_device import execution_device
from wordbrush_bench.tiny.joint import tiny_sd3
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline


@pytest.mark.parametrize("build", [tiny_pipeline, tiny_sd3])
def test_hooks_say_where_and_else_the_weights(build, monkeypatch):
    pipeline = build()
    network = getattr(pipeline, "unet", None) or pipeline.transformer
    asked = []
    kind = type(pipeline)
    own = kind._execution_device.fget
    monkeypatch.setattr(kind, "_execution_device", property(lambda one: (asked.append(1), own(one))[1]))
    assert execution_device(pipeline, network) == torch.device("cpu")
    assert not asked
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            add_hook_to_module(part, AlignDevicesHook(execution_device=torch.device("meta")))
    assert execution_device(pipeline, network) == torch.device("meta")
    assert asked
    network.to("meta")
    del network._hf_hook
    assert execution_device(pipeline, network) == torch.device("meta")
    assert len(asked) == 1


def test_a_hook_on_a_part_alone_counts(monkeypatch):
    pipeline = tiny_pipeline()
    monkeypatch.setattr(type(pipeline), "_execution_device", torch.device("meta"))
    pipeline.unet.enable_group_offload(torch.device("cpu"), torch.device("cpu"), offload_type="leaf_level")
    assert execution_device(pipeline, pipeline.unet) == torch.device("meta")
