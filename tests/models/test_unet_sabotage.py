"""What people do to pipelines of cross-attention: an edit still acts, or is refused loudly; nothing stays behind."""

import pytest
import torch
from accelerate import cpu_offload
from accelerate.hooks import remove_hook_from_module
from diffusers import (
    ControlNetModel,
    StableDiffusionAdapterPipeline,
    StableDiffusionControlNetImg2ImgPipeline,
    T2IAdapter,
)
from diffusers.models.attention_processor import AttnProcessor, IPAdapterAttnProcessor2_0
from peft import LoraConfig

from helpers.sabotage import assert_nothing_is_left
from wordbrush.attention.control import StepControl
from wordbrush.editor import Editor
from wordbrush.errors import ControlError, ModelError
from wordbrush.models.intercept import attention_modules
from wordbrush_bench.tiny.pixart import tiny_pixart
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import SIZE, tiny_xl

PROMPT, TARGET = "a photo of a dog", "a photo of a cat"
RUN = {"seed": 3, "num_inference_steps": 2, "guidance_scale": 5.0, "size": SIZE}
EDIT = {"self_replace_steps": 0.5, "self_replace_max_pixels": 1 << 16}
BUILD = {"sd": tiny_pipeline, "xl": tiny_xl, "pixart": tiny_pixart}


def edited(pipeline) -> torch.Tensor:
    return Editor.from_pipeline(pipeline).generate_and_edit(PROMPT, TARGET, **RUN, **EDIT).latents


def network(pipeline) -> torch.nn.Module:
    return pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer


@pytest.fixture(scope="module")
def expected():
    return {name: edited(build()) for name, build in BUILD.items()}


@pytest.fixture(params=BUILD)
def name(request):
    return request.param


def same(pipeline, expected: torch.Tensor) -> None:
    torch.testing.assert_close(edited(pipeline), expected, rtol=1e-3, atol=1e-3)


def test_attention_slicing_is_refused_until_it_is_off(name, expected):
    pipeline = BUILD[name]()
    pipeline.enable_attention_slicing()
    if name != "pixart":  # its transformer has no slices, and diffusers passes it by
        with pytest.raises(ControlError, match="turn off attention slicing"):
            edited(pipeline)
        pipeline.disable_attention_slicing()
    same(pipeline, expected[name])


@pytest.mark.parametrize("which", ["all", "one"])
def test_a_processor_that_forms_its_maps_is_refused(name, which, expected):
    pipeline = BUILD[name]()
    before = network(pipeline).attn_processors
    layers = list(attention_modules(network(pipeline)).values())
    for layer in layers if which == "all" else layers[1:2]:
        layer.set_processor(AttnProcessor())
    with pytest.raises(ControlError, match="did not use PyTorch's scaled_dot_product_attention"):
        edited(pipeline)
    network(pipeline).set_attn_processor(before)
    same(pipeline, expected[name])


def test_xformers_that_is_refused_by_diffusers_leaves_nothing(name, expected):
    pipeline = BUILD[name]()
    with pytest.raises((ModuleNotFoundError, ValueError)):  # it is not installed, or finds no GPU
        pipeline.enable_xformers_memory_efficient_attention()
    same(pipeline, expected[name])


def test_fused_projections(name, expected):
    pipeline = BUILD[name]()
    network(pipeline).fuse_qkv_projections()
    same(pipeline, expected[name])


def test_vae_slicing_and_tiling(name, expected):
    pipeline = BUILD[name]()
    pipeline.vae.enable_slicing()
    pipeline.vae.enable_tiling()
    same(pipeline, expected[name])


def test_channels_last(name, expected):
    pipeline = BUILD[name]()
    network(pipeline).to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    same(pipeline, expected[name])


def test_layerwise_casting(name):
    """Weights of one byte, computed in float32: less exact, and still an edit in every layer."""
    pipeline = BUILD[name]()
    network(pipeline).enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert edited(pipeline).isfinite().all()


def test_group_offload(name, expected):
    pipeline = BUILD[name]()
    network(pipeline).enable_group_offload(torch.device("cpu"), torch.device("cpu"), offload_type="leaf_level")
    same(pipeline, expected[name])


def test_sequential_offload(name, expected):
    """As `enable_sequential_cpu_offload` hooks each part, between one CPU and itself."""
    pipeline = BUILD[name]()
    cpu_offload(network(pipeline), torch.device("cpu"))
    same(pipeline, expected[name])
    remove_hook_from_module(network(pipeline), recurse=True)
    same(pipeline, expected[name])


@pytest.mark.parametrize("name", ["sd", "xl"])  # diffusers has none for PixArt
def test_a_lora_acts_on_source_and_edit(name, expected):
    pipeline = BUILD[name]()
    network(pipeline).add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k", "to_v"]), adapter_name="style")
    same(pipeline, expected[name])  # its second matrix begins at zero
    with torch.no_grad():
        for part, parameter in network(pipeline).named_parameters():
            if "lora_B.style" in part:
                parameter.fill_(0.05)
    assert (edited(pipeline) - expected[name]).abs().max() > 1e-3
    network(pipeline).disable_adapters()
    same(pipeline, expected[name])


@pytest.mark.parametrize(("name", "how"), [("sd", "in place"), ("pixart", "wrapped"), ("xl", "its forward")])
def test_a_compiled_network_runs_as_it_was_written_while_it_is_controlled(name, how, expected):
    pipeline = BUILD[name]()
    if how == "in place":
        network(pipeline).compile(backend="eager")
    elif how == "its forward":
        pipeline.unet.forward = torch.compile(pipeline.unet.forward, backend="eager")
    else:
        pipeline.transformer = torch.compile(pipeline.transformer, backend="eager")
    source = Editor.from_pipeline(pipeline, keep_bytes=0).generate(PROMPT, **RUN)  # compiled, and not controlled
    assert source.latents.isfinite().all()
    same(pipeline, expected[name])


@pytest.mark.filterwarnings("ignore:You have passed a tensor as `encoder_hidden_states`:FutureWarning")
def test_an_ip_adapter_that_was_not_loaded_as_one_is_refused_and_leaves_nothing():
    """It reads the last positions of the text as a picture, and nothing gives it one."""
    pipeline = tiny_pipeline()
    before, processors = edited(pipeline), {}
    for its_name, own in pipeline.unet.attn_processors.items():
        layer = pipeline.unet.get_submodule(its_name.removesuffix(".processor"))
        widths = layer.to_q.in_features, layer.to_k.in_features
        processors[its_name] = IPAdapterAttnProcessor2_0(*widths, num_tokens=[4]) if "attn2" in its_name else own
    defaults = pipeline.unet.attn_processors
    pipeline.unet.set_attn_processor(processors)
    with pytest.raises(ControlError, match="an IP-Adapter as load_ip_adapter loads it"):
        edited(pipeline)
    assert_nothing_is_left(pipeline.unet)
    pipeline.unet.set_attn_processor(defaults)
    assert torch.equal(edited(pipeline), before)


@pytest.mark.parametrize("kind", [StableDiffusionAdapterPipeline, StableDiffusionControlNetImg2ImgPipeline])
def test_what_else_guides_is_refused_by_its_pipelines_name(kind):
    plain = tiny_pipeline()
    adapters = kind is StableDiffusionAdapterPipeline
    beside = {"adapter": T2IAdapter()} if adapters else {"controlnet": ControlNetModel.from_unet(plain.unet)}
    parts = {name: part for name, part in plain.components.items() if not adapters or name != "image_encoder"}
    with pytest.raises(ModelError, match=f"is a {kind.__name__}; wordbrush edits with"):
        Editor.from_pipeline(kind(**parts, **beside))


def test_a_wrapped_unet_has_the_layers_of_its_own():
    """Names and order are those of the module inside; nothing is compiled before it runs."""
    own, wrapped = tiny_xl(), tiny_xl()
    wrapped.unet = torch.compile(wrapped.unet, backend="eager")
    one, other = (Editor.from_pipeline(pipeline)._adapter for pipeline in (own, wrapped))
    assert other.attention_layers(*SIZE) == one.attention_layers(*SIZE)
    assert other.editable_layers(*SIZE) == one.editable_layers(*SIZE)
    same(wrapped, edited(own))  # every call of an edit is controlled


class Boom(Exception):
    pass


@pytest.mark.parametrize("name", ["xl", "pixart"])  # test_seam.py has it of the smaller U-Net
def test_an_error_at_any_layer_leaves_the_model_as_it_was(name, monkeypatch):
    monkeypatch.setitem(RUN, "num_inference_steps", 1)
    pipeline = BUILD[name]()
    before, answer = edited(pipeline), StepControl.__call__
    for layer in attention_modules(network(pipeline)):

        def broken(self, call, layer: str = layer):
            if call.site.name == layer:
                raise Boom
            return answer(self, call)

        with monkeypatch.context() as patch, pytest.raises(Boom):
            patch.setattr(StepControl, "__call__", broken)
            edited(pipeline)
        hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network(pipeline).modules()]
        assert sum(hooks) == 0
        assert torch.overrides._get_current_function_mode() is None
    assert torch.equal(edited(pipeline), before)
