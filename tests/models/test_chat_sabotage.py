"""What people do to pipelines of Qwen-Image, Z-Image and FLUX.2: an edit still acts, or it is refused loudly."""

from functools import wraps

import pytest
import torch

from helpers.oracles import explicit_maps
from helpers.tiny_chat import tiny_flux_2, tiny_klein, tiny_qwen_image, tiny_z_image
from helpers.tiny_joint import SIZE
from wordbrush.editor import Editor
from wordbrush.errors import ControlError
from wordbrush.models.intercept import attention_modules

PROMPT, TARGET = "a photo of a dog", "a photo of a cat"
RUN = {"seed": 3, "num_inference_steps": 2, "size": SIZE}
EDIT = {"edit": "replace", "self_replace_steps": 0.5}
BUILD = {"qwen-image": tiny_qwen_image, "z-image": tiny_z_image, "flux.2": tiny_flux_2, "klein": tiny_klein}


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


def controlled(pipeline) -> dict:
    """The layers that an edit acts in, by name: those of the picture and the text, or of the picture alone."""
    modules = attention_modules(pipeline.transformer)
    return {name: module for name, module in modules.items() if not name.startswith("context_refiner")}


def test_attention_slicing_has_no_effect(name, expected):
    pipeline = BUILD[name]()
    pipeline.enable_attention_slicing()
    same(pipeline, expected[name])


def test_another_backend_of_the_same_kernel(name, expected):
    pipeline = BUILD[name]()
    pipeline.transformer.set_attention_backend("_native_math")
    same(pipeline, expected[name])


@pytest.mark.parametrize("kind", ["transformer", "blocks"])
def test_a_compiled_network_runs_as_it_was_written_while_it_is_controlled(name, kind, expected):
    """All of it, or each of its blocks, as `compile_repeated_blocks` does."""
    pipeline = BUILD[name]()
    if kind == "transformer":
        pipeline.transformer.compile(backend="eager")
    else:
        pipeline.transformer.compile_repeated_blocks(backend="eager")
    source = Editor.from_pipeline(pipeline, keep_bytes=0).generate(PROMPT, **RUN)  # compiled, and not controlled
    assert source.latents.isfinite().all()
    same(pipeline, expected[name])


@pytest.mark.parametrize("fused", ["qwen-image", "flux.2", "klein"])  # diffusers fuses none of Z-Image
def test_fused_projections(fused, expected):
    pipeline = BUILD[fused]()
    pipeline.transformer.fuse_qkv_projections()
    same(pipeline, expected[fused])


def test_layerwise_casting(name):
    """Weights of one byte, computed in float32: less exact, and still an edit in every layer."""
    pipeline = BUILD[name]()
    pipeline.transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert edited(pipeline).isfinite().all()


def test_group_offload(name, expected):
    pipeline = BUILD[name]()
    pipeline.transformer.enable_group_offload(torch.device("cpu"), torch.device("cpu"), offload_type="leaf_level")
    same(pipeline, expected[name])


def test_vae_slicing_and_tiling(name, expected):
    pipeline = BUILD[name]()
    pipeline.vae.enable_slicing()
    pipeline.vae.enable_tiling()
    same(pipeline, expected[name])


def changed(layer, answer) -> None:
    """Give a layer a processor of its own kind that is called by `answer`."""
    kind = type(layer.processor)

    class Changed(kind):
        @wraps(kind.__call__)  # diffusers hands on what a processor names
        def __call__(self, *args, **given):
            return answer(super().__call__, *args, **given)

    layer.set_processor(Changed())


def forming_maps(own, *args, **given):
    """As xFormers, sliced and legacy processors do, it never calls the kernel that is controlled."""
    kernel = torch.nn.functional.scaled_dot_product_attention
    torch.nn.functional.scaled_dot_product_attention = lambda query, key, value, **_: explicit_maps(query, key) @ value
    try:
        return own(*args, **given)
    finally:
        torch.nn.functional.scaled_dot_product_attention = kernel


def twice(own, *args, **given):
    own(*args, **given)
    return own(*args, **given)


@pytest.mark.parametrize("which", ["all", "one"])
def test_a_processor_that_forms_its_maps_is_refused(name, which):
    pipeline = BUILD[name]()
    layers = list(controlled(pipeline).values())
    for layer in layers if which == "all" else layers[:1]:
        changed(layer, forming_maps)
    with pytest.raises(ControlError, match="did not use PyTorch's scaled_dot_product_attention"):
        edited(pipeline)


def test_a_processor_that_calls_the_kernel_twice_is_told(name):
    pipeline = BUILD[name]()
    changed(list(controlled(pipeline).values())[-1], twice)
    with pytest.raises(ControlError, match="the edit reached"):
        edited(pipeline)


def test_a_block_that_is_skipped_is_told(name):
    pipeline = BUILD[name]()
    layer = next(reversed(controlled(pipeline)))
    block = pipeline.transformer.get_submodule(layer.rpartition(".")[0])
    block.forward = lambda hidden_states, *args, **given: (
        (given.get("encoder_hidden_states"), hidden_states) if name == "qwen-image" else hidden_states
    )
    with pytest.raises(ControlError, match=layer.replace(".", r"\.")):
        edited(pipeline)


def test_a_block_in_anothers_place_is_told(name):
    """Its own layer is never reached, though as many calls are made."""
    pipeline = BUILD[name]()
    blocks = next(
        part
        for part in (getattr(pipeline.transformer, key, ()) for key in ("single_transformer_blocks", "layers",
                                                                        "transformer_blocks"))
        if len(part) > 1
    )  # fmt: skip
    blocks[0].forward = blocks[1].forward
    with pytest.raises(ControlError):
        edited(pipeline)


def test_an_error_in_a_step_leaves_nothing_behind(name, expected):
    pipeline = BUILD[name]()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Editor.from_pipeline(pipeline).generate_and_edit(PROMPT, TARGET, **RUN, **EDIT, on_step=stop)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in pipeline.transformer.modules()]
    assert sum(hooks) == 0
    assert torch.overrides._get_current_function_mode() is None
    same(pipeline, expected[name])
