"""What people do to pipelines of Qwen-Image, Z-Image and FLUX.2, beside what `test_joint_sabotage.py` does to them: an
edit still acts, or it is refused loudly.
"""

from functools import partial

import pytest
import torch

from helpers.sabotage import PROMPT, TARGET, assert_nothing_is_left, changed, edited_with, twice
from wordbrush.editor import Editor
from wordbrush.errors import ControlError
from wordbrush.models.intercept import attention_modules
from wordbrush_bench.tiny.chat import tiny_flux_2, tiny_klein, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.joint import SIZE

RUN = {"seed": 3, "num_inference_steps": 2, "size": SIZE}
EDIT = {"edit": "replace", "self_replace_steps": 0.5}
edited = partial(edited_with, run={**RUN, **EDIT})
BUILD = {"qwen-image": tiny_qwen_image, "z-image": tiny_z_image, "flux.2": tiny_flux_2, "klein": tiny_klein}


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
    assert_nothing_is_left(pipeline.transformer)
    same(pipeline, expected[name])
