"""LoRAs of Qwen-Image, Z-Image and FLUX.2 in each form that diffusers' loaders take: what PEFT itself draws with the
same matrices, the model as it was afterwards, and one line for what would be dropped.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from diffusers import Flux2KleinPipeline, Flux2Pipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from wordbrush.editor import Editor
from wordbrush.errors import ModelError
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush_bench.tiny.chat import tiny_flux_2, tiny_klein, tiny_qwen_image, tiny_z_image

RUN = {"seed": 3, "num_inference_steps": 1, "size": (32, 32)}
PROMPT, TARGET = "a photo of a dog eating an apple", "a photo of a cat eating an apple"
RANK, ALPHA = 2, 4
FAMILIES: dict[str, tuple[Callable[[], object], list[str]]] = {
    "qwen-image": (tiny_qwen_image, ["to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "to_add_out"]),
    "z-image": (tiny_z_image, ["to_q", "to_k", "to_v", "to_out.0", "feed_forward.w1"]),
    "flux.2": (tiny_flux_2, ["to_q", "to_k", "to_v", "to_out.0", "ff.linear_in", "to_qkv_mlp_proj"]),
    "klein": (tiny_klein, ["to_q", "to_k", "to_v", "to_out.0", "ff.linear_in", "to_qkv_mlp_proj"]),
}
FORMS = ["diffusers", "peft", "kohya", "web ui"]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def made(family):
    """A pipeline with a LoRA that PEFT itself put in; queries, keys and values of a layer share their first matrix,
    as where a trainer joins them.
    """
    build, layers = FAMILIES[family]
    pipeline = build()
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=layers)
    pipeline.transformer.add_adapter(config, adapter_name="made")
    generator = torch.Generator().manual_seed(0)
    parameters = dict(pipeline.transformer.named_parameters())
    for name, parameter in parameters.items():
        if "lora_B.made" in name:
            nn.init.normal_(parameter.data, std=0.3, generator=generator)
        elif "lora_A.made" in name and (".to_k." in name or ".to_v." in name):
            parameter.data.copy_(parameters[name.replace("to_k", "to_q").replace("to_v", "to_q")].data)
    return pipeline


@pytest.fixture(scope="module")
def editor(family) -> Editor:
    return Editor.from_pipeline(FAMILIES[family][0]())


def matrices(pipeline) -> dict[str, Tensor]:
    return get_peft_model_state_dict(pipeline.transformer, adapter_name="made")


def written(pipeline, path: Path, form: str) -> Path:
    """The LoRA as PEFT with diffusers, kohya's trainers, or trainers that keep the model's own names write it."""
    own = matrices(pipeline)
    if form == "peft":
        type(pipeline).save_lora_weights(
            path.parent,
            transformer_lora_layers=own,
            weight_name=path.name,
            transformer_lora_adapter_metadata=pipeline.transformer.peft_config["made"].to_dict(),
        )
    elif form == "diffusers":
        save_file({f"transformer.{name}": tensor for name, tensor in scaled(own).items()}, path)
    elif isinstance(pipeline, Flux2Pipeline | Flux2KleinPipeline):
        save_file(kohya(flux_2_names(own)) if form == "kohya" else of_web_uis(flux_2_names(scaled(own))), path)
    else:
        save_file(kohya(own) if form == "kohya" else of_web_uis(scaled(own)), path)
    return path


def scaled(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A form that says no alpha, with the scale in the second matrices."""
    return {n: (t * (ALPHA / RANK) if "lora_B" in n else t).contiguous() for n, t in own.items()}


def kohya(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    named = {}
    for key, value in own.items():
        layer, _, matrix = key.partition(".lora_")
        name = f"lora_unet_{layer.replace('.', '_')}"
        named[f"{name}.lora_{'down' if matrix.startswith('A') else 'up'}.weight"] = value.contiguous()
        named[f"{name}.alpha"] = torch.tensor(float(ALPHA))
    return named


def of_web_uis(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"diffusion_model.{name}": tensor.contiguous() for name, tensor in own.items()}


def flux_2_names(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names of FLUX.2's own code, in which one layer makes queries, keys and values."""
    joined: dict[str, dict[str, Tensor]] = {}
    named = {}
    for name, tensor in own.items():
        block, _, rest = name.partition(".attn.to_")
        if rest.startswith(("q.", "k.", "v.")):
            joined.setdefault(f"{block}.img_attn.qkv.{rest[2:]}", {})[rest[0]] = tensor
        else:
            named[name] = tensor
    for name, parts in joined.items():
        named[name] = parts["q"] if "lora_A" in name else torch.cat([parts[letter] for letter in "qkv"])
    renamed = (
        ("single_transformer_blocks", "single_blocks"),
        ("attn.to_qkv_mlp_proj", "linear1"),
        ("transformer_blocks", "double_blocks"),
        ("attn.to_out.0", "img_attn.proj"),
        ("ff.linear_in", "img_mlp.0"),
    )
    for old, new in renamed:
        named = {name.replace(old, new): tensor for name, tensor in named.items()}
    return named


def latents(editor: Editor) -> Tensor:
    return editor.generate(PROMPT, **RUN).latents


@pytest.mark.parametrize("form", FORMS)
def test_every_form_draws_what_peft_draws_and_leaves_nothing_behind(editor, made, form, tmp_path):
    pipeline = editor._pipeline.pipeline
    before, fingerprint = latents(editor), pipeline_fingerprint(pipeline)
    kinds = {name: type(layer) for name, layer in pipeline.transformer.named_modules()}
    name = editor.load_lora(written(made, tmp_path / "made.safetensors", form))
    with_it, expected = latents(editor), latents(Editor.from_pipeline(made))
    assert torch.allclose(with_it, expected, atol=1e-5)
    assert not torch.allclose(with_it, before, atol=1e-2)
    result = editor.generate_and_edit(PROMPT, TARGET, **RUN)
    assert result.record.controlled_calls
    assert [str(file) for file in result.record.model.adapters] == ["LoRA 'made' x 1"]
    editor.unload_lora(name)
    assert torch.equal(latents(editor), before)
    assert pipeline_fingerprint(pipeline) == fingerprint
    assert {name: type(layer) for name, layer in pipeline.transformer.named_modules()} == kinds


def test_a_lora_acts_in_the_target_alone(editor, made, tmp_path):
    plain = editor.generate(PROMPT, **RUN)
    editor.load_lora(written(made, tmp_path / "made.safetensors", "diffusers"), 0)
    source = editor.generate(PROMPT, **RUN)
    assert torch.equal(source.latents, plain.latents)
    result = editor.edit(source, PROMPT, target_adapters={"made": 1.0}, self_replace_steps=0.0)
    editor.unload_lora("made")
    assert not torch.allclose(result.latents, source.latents, atol=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_a_part_that_would_be_dropped_is_one_line_and_the_model_is_as_it_was(editor, made, form, tmp_path):
    path = written(made, tmp_path / "made.safetensors", form)
    tensors = load_file(path)
    stranger = {
        "kohya": ("lora_unet_nowhere_7.lora_down.weight", "lora_unet_nowhere_7.lora_up.weight"),
        "web ui": ("diffusion_model.nowhere.7.lora_A.weight", "diffusion_model.nowhere.7.lora_B.weight"),
    }.get(form, ("transformer.nowhere.7.lora_A.weight", "transformer.nowhere.7.lora_B.weight"))
    save_file({**tensors, stranger[0]: torch.ones(RANK, 16), stranger[1]: torch.ones(16, RANK)}, path)
    before = latents(editor)
    with pytest.raises(ModelError) as error:
        editor.load_lora(path)
    assert "\n" not in str(error.value)
    assert editor.model.adapters == ()
    assert torch.equal(latents(editor), before)
