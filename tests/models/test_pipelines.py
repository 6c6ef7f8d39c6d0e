"""A pipeline that its owner loaded and changed is edited with as it is, and is the same afterwards."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler, StableDiffusionPipeline
from peft import LoraConfig

from wordbrush.editor import Editor
from wordbrush.errors import ModelError, RecordError
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush.runs.cache import InversionCache
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

RUN = {"seed": 4, "num_inference_steps": 3, "guidance_scale": 4.0}
PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"


def with_lora(seed: int = 0) -> StableDiffusionPipeline:
    pipeline = tiny_pipeline()
    add_lora(pipeline, "style", seed)
    return pipeline


def add_lora(pipeline: StableDiffusionPipeline, name: str, seed: int = 0) -> None:
    pipeline.unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k", "to_v"]), adapter_name=name)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter_name, parameter in pipeline.unet.named_parameters():
            if f"lora_B.{name}" in parameter_name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))


def plain(pipeline: StableDiffusionPipeline) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    options = {"num_inference_steps": 3, "guidance_scale": 4.0, "output_type": "latent"}
    return pipeline(PROMPT, generator=generator, **options).images


def state(pipeline: StableDiffusionPipeline) -> list[object]:
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in pipeline.unet.modules())
    return [pipeline_fingerprint(pipeline), hooks, type(pipeline.scheduler), dict(pipeline.scheduler.config)]


def test_a_picture_is_the_pipelines_and_the_pipeline_is_as_it_was():
    pipeline = with_lora()
    before, latents = state(pipeline), plain(pipeline)
    editor = Editor.from_pipeline(pipeline)
    source = editor.generate(PROMPT, **RUN)
    assert torch.equal(source.latents, latents)
    result = editor.edit(source, TARGET)
    assert result.record.controlled_calls > 0
    editor.invert(source.image, PROMPT, method="null-text", num_inner_steps=1, num_inference_steps=2)
    assert state(pipeline) == before
    assert torch.equal(plain(pipeline), latents)
    assert editor.replay(result.record)[0].image.tobytes() == result.image.tobytes()


def test_the_weights_are_looked_at_once_for_each_thing_that_is_made(monkeypatch):
    editor, looks = Editor.from_pipeline(tiny_pipeline()), []
    fingerprint = editor._fingerprint
    monkeypatch.setattr(editor, "_fingerprint", lambda: looks.append(1) or fingerprint())
    counts = []
    source = editor.generate(PROMPT, **RUN)
    counts.append(len(looks))
    result = editor.edit(source, TARGET)
    counts.append(len(looks))
    editor.maps(source)
    counts.append(len(looks))
    editor.maps(result)
    counts.append(len(looks))
    assert counts == [1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # numpy's, of diffusers' code
def test_the_owners_own_sampler_can_be_taken():
    pipeline = tiny_pipeline()
    pipeline.scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing"
    )
    expected = plain(pipeline)
    assert torch.equal(Editor.from_pipeline(pipeline).generate(PROMPT, sampler="own", **RUN).latents, expected)


def test_whatever_changes_what_the_model_draws_changes_its_fingerprint():
    pipeline = tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    seen = [editor.model.fingerprint]

    def changed() -> bool:
        seen.append(editor.model.fingerprint)
        return len(set(seen)) == len(seen)

    assert editor.model.fingerprint == seen[0] == Editor.from_pipeline(tiny_pipeline()).model.fingerprint
    assert Editor.from_pipeline(tiny_pipeline(seed=1)).model.fingerprint != seen[0]
    add_lora(pipeline, "style")
    assert changed(), "a LoRA is loaded"
    pipeline.set_adapters("style", 0.5)
    assert changed(), "it is scaled"
    pipeline.unet.disable_adapters()
    assert changed(), "it is switched off"
    pipeline.unet.enable_adapters()
    pipeline.fuse_lora(lora_scale=0.7)
    pipeline.unload_lora_weights()
    assert changed(), "it is fused"
    pipeline.load_textual_inversion({"<toy>": torch.ones(32)}, token="<toy>")
    assert changed(), "a word is added"
    pipeline.scheduler = DDPMScheduler.from_config(pipeline.scheduler.config, beta_end=0.02)
    assert changed(), "the schedule is another"
    pipeline.unet.to(torch.float64)
    assert changed(), "a part is cast"


def test_a_record_and_a_kept_inversion_belong_to_the_weights_that_made_them(tmp_path):
    pipeline = with_lora()
    editor = Editor.from_pipeline(pipeline)
    keep = {"method": "direct", "num_inference_steps": 2, "cache": InversionCache(tmp_path)}
    photo = editor.generate(PROMPT, **RUN).image
    first = editor.invert(photo, PROMPT, **keep)
    assert any("kept" in note for note in editor.invert(photo, PROMPT, **keep).notes)
    pipeline.set_adapters("style", 0.2)
    second = editor.invert(photo, PROMPT, **keep)
    assert not any("kept from before" in note for note in second.notes)
    assert not torch.equal(first.kept.latents[0], second.kept.latents[0])
    with pytest.raises(RecordError, match="the record was made with"):
        editor.replay(first.record, photo=photo)


def test_a_word_of_textual_inversion_is_edited():
    pipeline = tiny_pipeline()
    vectors = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    pipeline.load_textual_inversion({"<toy>": vectors}, token="<toy>")
    result = Editor.from_pipeline(pipeline).generate_and_edit(
        PROMPT, "a <toy> eating an apple", equalizer={"<toy>": 2.0}, **RUN
    )
    assert result.record.acted == (("'dog' -> '<toy>'", "'<toy>' x 2"),)


@pytest.mark.parametrize("kind", ["UNet2DConditionModel", "int"])
def test_what_is_no_pipeline_of_a_family_is_told(kind):
    made = tiny_pipeline().unet if kind != "int" else 3
    with pytest.raises(ModelError, match=f"the pipeline is a {kind}; wordbrush edits with StableDiffusionPipeline"):
        Editor.from_pipeline(made)


def test_an_old_configuration_is_repaired_as_diffusers_repairs_it(tiny_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"steps_offset": 1', '"steps_offset": 0'))
    old = Editor.from_pretrained(folder, "cpu").generate(PROMPT, **RUN)
    assert torch.equal(old.latents, Editor.from_pretrained(tiny_folder, "cpu").generate(PROMPT, **RUN).latents)


def test_a_variant_and_a_subfolder_are_found(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "models" / "tiny", variant="fp16", safe_serialization=True)
    with pytest.raises(ModelError, match=r"no diffusion_pytorch_model\.safetensors; give variant='fp16'"):
        Editor.from_pretrained(tmp_path / "models" / "tiny", "cpu")
    options = {"variant": "fp16", "subfolder": "tiny", "torch_dtype": torch.float32}
    editor = Editor.from_pretrained(tmp_path / "models", "cpu", **options)
    assert editor.model.dtype == "float32"
    assert torch.equal(
        editor.generate(PROMPT, **RUN).latents, Editor.from_pipeline(tiny_pipeline()).generate(PROMPT, **RUN).latents
    )
