"""What people do to pipelines of joint attention: it still acts, or it is refused loudly; nothing stays behind."""

import pytest
import torch
from diffusers.models.attention_processor import JointAttnProcessor2_0
from diffusers.models.transformers.transformer_flux import FluxAttnProcessor

from helpers.oracles import explicit_maps
from helpers.tiny_joint import SIZE, tiny_flux, tiny_sd3
from wordbrush.attention.control import StepControl
from wordbrush.editor import Editor
from wordbrush.errors import ControlError, ModelError
from wordbrush.models.intercept import attention_modules

PROMPT, TARGET = "a photo of a dog", "a photo of a cat"
RUN = {"seed": 3, "num_inference_steps": 2, "size": SIZE}
EDIT = {"edit": "replace", "self_replace_steps": 0.5}
BUILD = {"sd3": tiny_sd3, "flux": tiny_flux}


def edited(pipeline) -> torch.Tensor:
    return Editor.from_pipeline(pipeline).generate_and_edit(PROMPT, TARGET, **RUN, **EDIT).latents


@pytest.fixture(scope="module")
def expected():
    return {name: edited(build()) for name, build in BUILD.items()}


@pytest.fixture(params=BUILD)
def name(request):
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


def test_fused_projections(name):
    # diffusers fuses no second attention, and its fused processor of SD3 leaves out the norm of queries and keys.
    pipeline = BUILD[name](**{"dual_attention_layers": (), "qk_norm": None} if name == "sd3" else {})
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


def test_a_compiled_transformer_runs_as_it_was_written_while_it_is_controlled(name, expected):
    pipeline = BUILD[name]()
    if name == "flux":
        pipeline.transformer = torch.compile(pipeline.transformer, backend="eager")
    else:
        pipeline.transformer.compile(backend="eager")
    source = Editor.from_pipeline(pipeline, keep_bytes=0).generate(PROMPT, **RUN)  # compiled, and not controlled
    assert source.latents.isfinite().all()
    same(pipeline, expected[name])


class Formed:
    """A processor of one's own that forms its maps, and so never calls the kernel."""

    _attention_backend = _parallel_config = None

    def __init__(self, own) -> None:
        self.own = own

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, *rest):
        kernel = torch.nn.functional.scaled_dot_product_attention
        torch.nn.functional.scaled_dot_product_attention = lambda query, key, value, **_: (
            explicit_maps(query, key) @ value
        )
        try:
            return self.own(attn, hidden_states, encoder_hidden_states, attention_mask, *rest)
        finally:
            torch.nn.functional.scaled_dot_product_attention = kernel


@pytest.mark.parametrize("which", ["all", "one"])
def test_a_processor_that_forms_its_maps_is_refused(name, which):
    """As xFormers, sliced and legacy processors do: the kernel that is controlled is not called."""
    pipeline = BUILD[name]()
    own = {"sd3": JointAttnProcessor2_0, "flux": FluxAttnProcessor}[name]()
    layers = list(attention_modules(pipeline.transformer).values())
    for layer in layers if which == "all" else layers[1:2]:
        layer.set_processor(Formed(own))
    with pytest.raises(ControlError, match="did not use PyTorch's scaled_dot_product_attention"):
        edited(pipeline)


def test_xformers_that_is_refused_by_diffusers_leaves_nothing(name, expected):
    pipeline = BUILD[name]()
    with pytest.raises((ModuleNotFoundError, ValueError)):  # it is not installed, or finds no GPU
        pipeline.enable_xformers_memory_efficient_attention()
    same(pipeline, expected[name])


def test_a_block_that_is_skipped_is_told(name):
    """By block, not by the number of calls: one that runs twice does not stand for one that does not."""
    pipeline = BUILD[name]()
    blocks = pipeline.transformer.transformer_blocks
    blocks[0].forward = blocks[1].forward
    with pytest.raises(ControlError, match=r"'transformer_blocks\.0\.attn'"):
        edited(pipeline)


def test_a_layer_that_is_controlled_twice_is_told(name):
    pipeline = BUILD[name]()
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

    with pytest.raises(ModelError, match="StableDiffusion3Pipeline, FluxPipeline"):
        Editor.from_pipeline(AnotherPipeline())


class Boom(Exception):
    pass


def test_an_error_at_any_layer_leaves_the_model_as_it_was(name, monkeypatch):
    pipeline = BUILD[name]()
    before, answer = edited(pipeline), StepControl.__call__
    for layer in attention_modules(pipeline.transformer):

        def broken(self, call, layer: str = layer):
            if call.site.name == layer:
                raise Boom
            return answer(self, call)

        with monkeypatch.context() as patch, pytest.raises(Boom):
            patch.setattr(StepControl, "__call__", broken)
            edited(pipeline)
        hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in pipeline.transformer.modules()]
        assert sum(hooks) == 0
        assert torch.overrides._get_current_function_mode() is None
    assert torch.equal(edited(pipeline), before)
