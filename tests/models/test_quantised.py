"""Pipelines whose weights are tensors of a kind of their own, as quantised ones are."""

import pytest
import torch
from torch.testing._internal.two_tensor import TwoTensor

from helpers.sabotage import edited_with
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

RUN = {"seed": 3, "num_inference_steps": 2, "edit": "replace", "self_replace_steps": 0.5}


def network(pipeline) -> torch.nn.Module:
    return pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer


def test_a_fingerprint_sees_into_tensors_that_are_made_of_others():
    pipeline, prints = tiny_sd3(), []
    layer = pipeline.transformer.proj_out
    whole = layer.weight.detach()
    for second in (whole, whole, whole + 1):
        layer.weight = torch.nn.Parameter(TwoTensor(whole.clone(), second.clone()), requires_grad=False)
        prints.append(pipeline_fingerprint(pipeline))
    assert prints[0] == prints[1] != prints[2]
    assert prints[0] != pipeline_fingerprint(tiny_sd3())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("build", [tiny_sd3, tiny_flux, tiny_pipeline])
def test_weights_of_eight_bits_are_edited_with(build):
    """Each weight is rounded to one of 255 values: the edit is nearly that of whole weights."""
    torchao = pytest.importorskip("torchao.quantization")
    pipeline, run = build(), {**RUN, **({} if build is tiny_pipeline else {"size": SIZE})}
    exact, before = edited_with(pipeline, run), pipeline_fingerprint(pipeline)
    torchao.quantize_(network(pipeline), torchao.Int8WeightOnlyConfig())
    rounded = edited_with(pipeline, run)
    assert 0 < (rounded - exact).abs().max() < 0.05 * exact.abs().max()
    assert pipeline_fingerprint(pipeline) != before
