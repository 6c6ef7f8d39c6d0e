"""What people do to pipelines of joint attention: it still acts, or it is refused loudly; nothing stays behind.

Qwen-Image, Z-Image and FLUX.2 among them; what is theirs alone is in `test_chat_sabotage.py`.
"""

from functools import partial

import pytest
import torch
from accelerate import cpu_offload, cpu_offload_with_hook

from helpers.sabotage import PROMPT, assert_nothing_is_left, changed, edited_with, forming_maps
from wordbrush.attention.control import StepControl
from wordbrush.editor import Editor
from wordbrush.errors import ControlError, ModelError
from wordbrush.models.intercept import attention_modules
from wordbrush_bench.tiny.chat import tiny_flux_2, tiny_klein, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3

RUN = {"seed": 3, "num_inference_steps": 2, "size": SIZE}
edited = partial(edited_with, run={**RUN, "edit": "replace", "self_replace_steps": 0.5})
JOINT = {"sd3": tiny_sd3, "flux": tiny_flux}
CHAT = {"qwen-image": tiny_qwen_image, "z-image": tiny_z_image, "flux.2": tiny_flux_2, "klein": tiny_klein}
BUILD = {**JOINT, **CHAT}


@pytest.fixture(scope="module")
def expected():
    return {name: edited(build()) for name, build in BUILD.items()}


@pytest.fixture(params=BUILD)
def name(request):
    return request.param


@pytest.fixture(params=JOINT)
def joint(request):
    return request.param


def same(pipeline, expected: torch.Tensor) -> None:
    torch.testing.assert_close(edited(pipeline), expected, rtol=0, atol=1e-4)


def test_attention_slicing(name, expected):
    pipeline = BUILD[name]()
    pipeline.enable_attention_slicing()
    same(pipeline, expected[name])


def test_another_backend_of_the_same_kernel(name, expected):
    pipeline = BUILD[name]()
    pipeline.transformer.set_attention_backend("_native_math")
    same(pipeline, expected[name])


def test_fused_projections(joint):
    # diffusers fuses no second attention, and its fused processor of SD3 leaves out the norm of queries and keys.
    pipeline = BUILD[joint](**{"dual_attention_layers": (), "qk_norm": None} if joint == "sd3" else {})
    apart = edited(pipeline)
    pipeline.transformer.fuse_qkv_projections()
    same(pipeline, apart)


def test_vae_slicing_and_tiling(name, expected):
    pipeline = BUILD[name]()
    pipeline.vae.enable_slicing()
    pipeline.vae.enable_tiling()
    same(pipeline, expected[name])


def test_layerwise_casting(name):
    """Weights of one byte, computed in float32: less exact, and still an edit in every layer."""
    pipeline = BUILD[name]()
    pipeline.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert edited(pipeline).isfinite().all()


def test_group_offload(name, expected):
    pipeline = BUILD[name]()
    pipeline.transformer.enable_group_offload(torch.device("cpu"), torch.device("cpu"), offload_type="leaf_level")
    same(pipeline, expected[name])


def test_sequential_offload(joint, expected):
    """As `enable_sequential_cpu_offload` hooks each part, between one CPU and itself."""
    pipeline = BUILD[joint]()
    cpu_offload(pipeline.transformer, torch.device("cpu"))
    same(pipeline, expected[joint])


def test_model_offload(joint, expected):
    """As `enable_model_cpu_offload` hooks each part."""
    pipeline = BUILD[joint]()
    cpu_offload_with_hook(pipeline.transformer, torch.device("cpu"))
    same(pipeline, expected[joint])


def test_a_compiled_transformer_runs_as_it_was_written_while_it_is_controlled(joint, expected):
    pipeline = BUILD[joint]()
    if joint == "flux":
        pipeline.transformer = torch.compile(pipeline.transformer, backend="eager")
    else:
        pipeline.transformer.compile(backend="eager")
    source = Editor.from_pipeline(pipeline, keep_bytes=0).generate(PROMPT, **RUN)  # compiled, and not controlled
    assert source.latents.isfinite().all()
    same(pipeline, expected[joint])


@pytest.mark.parametrize("which", ["all", "one"])
def test_a_processor_that_forms_its_maps_is_refused(name, which):
    """As xFormers, sliced and legacy processors do: the kernel that is controlled is not called."""
    pipeline = BUILD[name]()
    # Refiners of the text alone are not controlled.
    modules = attention_modules(pipeline.transformer)
    layers = [layer for own, layer in modules.items() if not own.startswith("context_refiner")]
    for layer in layers if which == "all" else layers[1:2]:
        changed(layer, forming_maps)
    with pytest.raises(ControlError, match="did not use PyTorch's scaled_dot_product_attention"):
        edited(pipeline)


def test_xformers_that_is_refused_by_diffusers_leaves_nothing(joint, expected):
    pipeline = BUILD[joint]()
    with pytest.raises((ModuleNotFoundError, ValueError)):  # it is not installed, or finds no GPU
        pipeline.enable_xformers_memory_efficient_attention()
    same(pipeline, expected[joint])


def test_a_block_that_is_skipped_is_told(joint):
    """By block, not by the number of calls: one that runs twice does not stand for one that does not."""
    pipeline = BUILD[joint]()
    blocks = pipeline.transformer.transformer_blocks
    blocks[0].forward = blocks[1].forward
    with pytest.raises(ControlError, match=r"'transformer_blocks\.0\.attn'"):
        edited(pipeline)


def test_a_layer_that_is_controlled_twice_is_told(joint):
    pipeline = BUILD[joint]()
    block = pipeline.transformer.transformer_blocks[1]
    once = block.forward

    def twice(*args, **given):
        once(*args, **given)
        return once(*args, **given)

    block.forward = twice
    with pytest.raises(ControlError, match=r"first in 'transformer_blocks\.1\.attn'"):
        edited(pipeline)


def test_a_pipeline_that_is_not_known_is_refused():
    class AnotherPipeline:
        pass

    with pytest.raises(ModelError, match=r"StableDiffusion3Pipeline, .*FluxPipeline, "):
        Editor.from_pipeline(AnotherPipeline())


class Boom(Exception):
    pass


def test_an_error_at_any_layer_leaves_the_model_as_it_was(joint, monkeypatch):
    pipeline = BUILD[joint]()
    before, answer = edited(pipeline), StepControl.__call__
    for layer in attention_modules(pipeline.transformer):

        def broken(self, call, layer: str = layer):
            if call.site.name == layer:
                raise Boom
            return answer(self, call)

        with monkeypatch.context() as patch, pytest.raises(Boom):
            patch.setattr(StepControl, "__call__", broken)
            edited(pipeline)
        assert_nothing_is_left(pipeline.transformer)
    assert torch.equal(edited(pipeline), before)
