"""Networks that `Editor.compile` made faster: an edit is the plain one's, and nothing is compiled again by step."""

import os
import subprocess
import sys

import pytest
import torch
from accelerate import cpu_offload
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from peft import LoraConfig
from torch import nn
from torch._dynamo.testing import CompileCounter

from helpers.sabotage import assert_nothing_is_left
from wordbrush.attention.control import StepControl
from wordbrush.editor import Editor
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import MissingPackageError, ModelError
from wordbrush.models import compiled
from wordbrush.models.compiled import CompiledForward, compile_parts
from wordbrush.models.intercept import attention_modules
from wordbrush_bench.tiny.chat import tiny_flux_2, tiny_klein, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.hunyuan_dit import SIZE as HUNYUAN_SIZE
from wordbrush_bench.tiny.hunyuan_dit import tiny_hunyuan
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3
from wordbrush_bench.tiny.pixart import tiny_pixart
from wordbrush_bench.tiny.sana import SIZE as SANA_SIZE
from wordbrush_bench.tiny.sana import tiny_sana
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
RUN = {"seed": 5, "num_inference_steps": 4, "guidance_scale": 5.0}
BUILD = {
    "sd": (tiny_pipeline, SIZE),
    "xl": (tiny_xl, SIZE),
    "pixart": (tiny_pixart, SIZE),
    "hunyuan-dit": (tiny_hunyuan, HUNYUAN_SIZE),
    "sana": (tiny_sana, SANA_SIZE),
    "sd3": (tiny_sd3, SIZE),
    "flux": (tiny_flux, SIZE),
    "qwen-image": (tiny_qwen_image, SIZE),
    "z-image": (tiny_z_image, SIZE),
    "flux.2": (tiny_flux_2, SIZE),
    "klein": (tiny_klein, SIZE),
}

QUICK = ("sd", "pixart", "flux")


@pytest.fixture(autouse=True)
def _graphs_of_its_own():
    torch._dynamo.reset()


def network(pipeline) -> nn.Module:
    return pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer


def parts(pipeline) -> dict[str, nn.Module]:
    modules = network(pipeline).named_modules()
    return {name: module for name, module in modules if isinstance(module.__dict__.get("forward"), CompiledForward)}


def counted(pipeline) -> CompileCounter:
    """Compile the parts of a pipeline by a backend that counts its graphs."""
    counter = CompileCounter()
    compile_parts(network(pipeline), counter)
    return counter


def edited(pipeline, **options):
    return Editor.from_pipeline(pipeline).generate_and_edit(PROMPT, TARGET, **{**RUN, "size": SIZE}, **options)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BUILD]
)
def test_an_edit_is_the_plain_ones_and_every_graph_belongs_to_the_first_step(name):
    build, size = BUILD[name]
    plain, pipeline = build(), build()
    run = {**RUN, "size": size, "edit": "replace"}
    expected = Editor.from_pipeline(plain).generate_and_edit(PROMPT, TARGET, **run)
    counter, by_step = counted(pipeline), []
    editor = Editor.from_pipeline(pipeline)
    made = editor.generate_and_edit(PROMPT, TARGET, **run, on_step=lambda *_: by_step.append(counter.frame_count))
    assert torch.allclose(made.latents, expected.latents, atol=1e-4, rtol=0)
    assert made.record.controlled_calls == expected.record.controlled_calls > 0
    assert by_step[0] > 0
    assert set(by_step) == {by_step[0]}
    editor.generate_and_edit(PROMPT, "a dog eating an orange", **{**run, "seed": 6})
    assert counter.frame_count == by_step[0]
    assert_nothing_is_left(network(pipeline))
    attention = set(attention_modules(network(pipeline)))
    assert not any(at.startswith(f"{part}.") or at == part for part in parts(pipeline) for at in attention)


def test_parts_are_residual_blocks_and_feed_forwards_and_such_as_are_built_alike_share_their_graphs():
    pipeline = tiny_pipeline()
    counter = counted(pipeline)
    kinds = [type(part) for part in parts(pipeline).values()]
    assert set(kinds) == {ResnetBlock2D, FeedForward}
    assert kinds.count(ResnetBlock2D) == sum(isinstance(m, ResnetBlock2D) for m in pipeline.unet.modules())
    edited(pipeline)
    assert 0 < counter.frame_count < len(kinds)


def test_compiling_again_changes_nothing():
    pipeline = tiny_pipeline()
    counted(pipeline)
    before = parts(pipeline)
    forwards = [part.forward for part in before.values()]
    Editor.from_pipeline(pipeline).compile(backend="eager")
    assert [part.forward for part in parts(pipeline).values()] == forwards


def test_each_number_of_rows_and_each_size_is_compiled_once_and_beyond_a_number_runs_as_written(monkeypatch):
    monkeypatch.setattr(compiled, "MOST_FORMS", 2)
    plain, pipeline = Editor.from_pipeline(tiny_pipeline()), tiny_pipeline()
    counter, counts = counted(pipeline), []
    editor = Editor.from_pipeline(pipeline)
    for size in ((32, 32), (32, 48), (64, 32)):
        made = editor.generate(PROMPT, **RUN, size=size)
        counts.append(counter.frame_count)
        assert torch.allclose(made.latents, plain.generate(PROMPT, **RUN, size=size).latents, atol=1e-4, rtol=0)
    assert counts[0] < counts[1] == counts[2]
    editor.generate(PROMPT, **RUN, size=(32, 32))
    assert counter.frame_count == counts[1]


CORNER = LocalBlend((), mask=LatentMask(tuple("#" * 15 + "." * 33 if row < 15 else "." * 48 for row in range(48))))
EARLY = {"cross_replace_steps": 0.25, "self_replace_steps": 0.25}
MIDDLE = LocalBlend((), mask=LatentMask(("....", "..#.", "....", "....")))
INSIDE = {
    "residual features": (tiny_pipeline, SIZE, {"plug_and_play": PlugAndPlay(0.8, 0.5)}),
    "a box of a U-Net": (tiny_pipeline, (96, 96), {"local_blend": CORNER, "fast": Shortcuts(region_interval=3)}),
    "a box of an XL": (tiny_xl, (96, 96), {"local_blend": CORNER, "fast": Shortcuts(region_interval=3)}),
    "deep features": (tiny_pipeline, SIZE, {**EARLY, "fast": Shortcuts(cache_interval=2)}),
    "deep features of an XL": (tiny_xl, SIZE, {**EARLY, "fast": Shortcuts(cache_interval=2)}),
    "deep features of a transformer": (tiny_sd3, SIZE, {**EARLY, "fast": Shortcuts(cache_interval=2)}),
    "a region of SD3": (tiny_sd3, (64, 64), {"local_blend": "top", "fast": Shortcuts(region_interval=2)}),
    "a region of PixArt": (tiny_pixart, (64, 64), {"local_blend": "top", "fast": Shortcuts(region_interval=2)}),
}


@pytest.mark.parametrize("what", INSIDE)
def test_what_reads_or_replaces_inside_of_a_network_is_the_same(what):
    build, size, options = INSIDE[what]
    run = {**RUN, "num_inference_steps": 8, "size": size, "edit": "replace"}
    pipelines = build(), build()
    counter = counted(pipelines[1])
    plain, other = (Editor.from_pipeline(pipeline) for pipeline in pipelines)
    if options.get("local_blend") == "top":
        height, width = plain._adapter.latent_size(*size)
        rows = ("#" * (width // 4) + "." * (width - width // 4),) * 2 + ("." * width,) * (height - 2)
        options = {**options, "local_blend": LocalBlend((), mask=LatentMask(rows))}
    sources = [editor.generate(PROMPT, **{key: run[key] for key in (*RUN, "size")}) for editor in (plain, other)]
    expected, made = (
        editor.edit(source, TARGET, edit="replace", **options)
        for editor, source in zip((plain, other), sources, strict=True)
    )
    assert torch.allclose(made.latents, expected.latents, atol=1e-4, rtol=0)
    assert made.record.acted == expected.record.acted
    assert made.record.controlled_calls == expected.record.controlled_calls > 0
    assert not torch.equal(made.latents, sources[1].latents)
    assert counter.frame_count > 0
    exact = plain.edit(sources[0], TARGET, edit="replace", **{k: v for k, v in options.items() if k in EARLY})
    assert not torch.equal(exact.latents, expected.latents), "the option does something"
    assert_nothing_is_left(network(pipelines[1]))


def lora(pipeline, targets: list[str], value: float) -> None:
    """A LoRA that its owner loads, with matrices that do something."""
    network(pipeline).add_adapter(LoraConfig(r=2, target_modules=targets), adapter_name="style")
    with torch.no_grad():
        for name, parameter in network(pipeline).named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.linspace(-value, value, parameter.numel()).reshape(parameter.shape))


TARGETS = {"attention": ["to_q", "to_v"], "parts": ["ff.net.0.proj", "conv1", "time_emb_proj"]}


@pytest.mark.parametrize("where", TARGETS)
def test_a_lora_that_is_loaded_after_compiling_acts_at_each_scale_and_compiles_nothing_again(where):
    plain, pipeline = tiny_pipeline(), tiny_pipeline()
    pipeline.unet.requires_grad_(False)  # as they are loaded; PEFT does it too, and then all is compiled once more
    counter = counted(pipeline)
    before = edited(pipeline)
    graphs = counter.frame_count
    for each in (plain, pipeline):
        lora(each, TARGETS[where], 0.5)
    for scale in (1.0, 0.5, 0.25):
        for each in (plain, pipeline):
            each.set_adapters("style", scale)
        made = edited(pipeline)
        assert torch.allclose(made.latents, edited(plain).latents, atol=1e-4, rtol=0)
        assert (made.latents - before.latents).abs().max() > 1e-3
    assert counter.frame_count == graphs
    pipeline.delete_adapters("style")
    assert torch.equal(edited(pipeline).latents, before.latents)
    assert counter.frame_count == graphs


def test_an_owner_who_compiles_the_whole_network_too_has_edits_as_they_were_written():
    plain, pipeline = tiny_pipeline(), tiny_pipeline()
    counted(pipeline)
    pipeline.unet.compile(backend="eager")
    assert torch.allclose(edited(pipeline).latents, edited(plain).latents, atol=1e-4, rtol=0)


def test_offloading_after_compiling_is_right_and_before_it_is_refused():
    plain, pipeline = tiny_pipeline(), tiny_pipeline()
    counted(pipeline)
    edited(pipeline)
    cpu_offload(pipeline.unet, torch.device("cpu"))
    assert torch.allclose(edited(pipeline).latents, edited(plain).latents, atol=1e-4, rtol=0)
    cpu_offload(plain.unet, torch.device("cpu"))
    with pytest.raises(ModelError, match="compile before offloading"):
        Editor.from_pipeline(plain).compile(backend="eager")


def test_gradients_are_taken_of_parts_as_they_were_written():
    pipeline = tiny_pipeline()
    counter = counted(pipeline)
    adapter = Editor.from_pipeline(pipeline)._adapter
    text = adapter.encode(PROMPT)
    text.states.requires_grad_(True)
    latents, timestep = adapter.noise(3, *SIZE), torch.tensor(500)
    adapter.predict_with_gradient(latents, timestep, text).sum().backward()
    assert text.states.grad is not None
    assert text.states.grad.abs().max() > 0
    assert counter.frame_count == 0


def test_an_error_inside_of_an_edit_leaves_parts_compiled_and_nothing_else(monkeypatch):
    pipeline = tiny_pipeline()
    counted(pipeline)
    before = edited(pipeline)

    def broken(*_):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="broken"):
        patch.setattr(StepControl, "__call__", broken)
        edited(pipeline)
    assert_nothing_is_left(pipeline.unet)
    assert torch.equal(edited(pipeline).latents, before.latents)


def test_a_record_says_that_its_model_was_compiled_and_a_plain_editor_replays_it_closely():
    plain, editor = Editor.from_pipeline(tiny_pipeline()), Editor.from_pipeline(tiny_pipeline())
    assert not editor.model.compiled
    editor.compile(backend="eager")
    result = editor.generate_and_edit(PROMPT, TARGET, **RUN, size=SIZE)
    assert result.record.model.compiled
    assert result.record.model.fingerprint == plain.model.fingerprint
    assert editor.replay(result.record)[0].image.tobytes() == result.image.tobytes()
    assert torch.allclose(plain.replay(result.record)[0].latents, result.latents, atol=1e-4, rtol=0)
    edit = plain.edit(editor.generate(PROMPT, **RUN, size=SIZE), TARGET)
    assert torch.allclose(edit.latents, result.latents, atol=1e-4, rtol=0)


def test_on_a_cpu_a_unet_is_laid_out_for_its_convolutions_and_nothing_is_compiled():
    plain, pipeline = Editor.from_pipeline(tiny_pipeline()), tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    fingerprint = editor.model.fingerprint
    assert editor.compile() is None
    assert not parts(pipeline)
    assert editor.model.compiled
    assert all(
        module.weight.is_contiguous(memory_format=torch.channels_last)
        for module in pipeline.unet.modules()
        if isinstance(module, nn.Conv2d)
    )
    assert editor.model.fingerprint == fingerprint
    result = editor.generate_and_edit(PROMPT, TARGET, **RUN, size=SIZE)
    expected = plain.generate_and_edit(PROMPT, TARGET, **RUN, size=SIZE)
    assert torch.allclose(result.latents, expected.latents, atol=1e-4, rtol=0)
    assert result.record.controlled_calls == expected.record.controlled_calls


def test_on_a_cpu_nothing_is_done_to_a_transformer_unless_a_backend_is_named():
    pipeline = tiny_sd3()
    editor = Editor.from_pipeline(pipeline)
    editor.compile()
    assert not parts(pipeline)
    assert not editor.model.compiled
    editor.compile(backend="eager")
    assert parts(pipeline)
    assert editor.model.compiled


def test_a_backend_that_does_not_run_here_is_refused_when_it_is_asked_for():
    editor = Editor.from_pipeline(tiny_pipeline())
    with pytest.raises(MissingPackageError, match="C\\+\\+ compiler"):
        editor.compile(backend="no-such-backend")
    assert not editor.model.compiled


ON_A_CPU = """
from wordbrush.editor import Editor
Editor.from_pretrained(None, "cpu", "float32").compile(backend="inductor")
"""


@pytest.mark.slow  # torch takes seconds to start its compiler
def test_without_a_compiler_it_is_refused_at_the_call(tmp_path):
    environment = {**os.environ, "CXX": "no-such-compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", ON_A_CPU], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "torch.compile cannot compile for cpu here" in done.stderr
    assert "named by CXX" in done.stderr


@pytest.mark.slow  # it compiles for a minute
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_by_inductor_an_edit_is_the_plain_ones():
    plain, editor = (Editor.from_pretrained(None, "cpu", "float32") for _ in range(2))
    editor.compile(backend="inductor")
    run = {"seed": 7, "num_inference_steps": 3}
    expected, made = (each.generate_and_edit(PROMPT, TARGET, **run) for each in (plain, editor))
    assert torch.allclose(made.latents, expected.latents, atol=1e-4, rtol=0)
    assert made.record.controlled_calls == expected.record.controlled_calls > 0
