"""An IP-Adapter from a file: diffusers' own pictures, known by its weights, and taken out without a trace."""

import pickle
import shutil

import pytest
import torch
from diffusers import StableDiffusionControlNetPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file

from helpers.adapter_files import lora, trained
from wordbrush.editor import Editor
from wordbrush.errors import ModelError, RecordError, SettingsError
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush.runs.record import RunRecord
from wordbrush_bench.tiny.guided import (
    picture,
    tiny_controlled,
    tiny_image_encoder,
    tiny_ip_adapter,
    with_ip_adapter,
)
from wordbrush_bench.tiny.joint import tiny_flux
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import SIZE, tiny_xl

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
RUN = {"seed": 3, "num_inference_steps": 2, "guidance_scale": 4.0, "size": SIZE}
CONTROL, LOOK = picture(1), picture(2, (30, 50))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as IP-Adapters are published: files, and an image encoder beside them; a model apart from both."""
    folder = tmp_path_factory.mktemp("ip")
    tiny_pipeline().save_pretrained(folder / "model")
    unet = tiny_pipeline().unet
    (folder / "published").mkdir()
    for name, tensors in {
        "plain": tiny_ip_adapter(unet),
        "other": tiny_ip_adapter(unet, seed=1),
        "plus": tiny_ip_adapter(unet, plus=True),
        "xl": tiny_ip_adapter(tiny_xl().unet),
    }.items():
        save_file(tensors, folder / "published" / f"{name}.safetensors")
    tiny_image_encoder().save_pretrained(folder / "published" / "image_encoder")
    tiny_image_encoder(seed=1).save_pretrained(folder / "second" / "image_encoder")
    tiny_image_encoder(width=12).save_pretrained(folder / "wide")
    return folder


def file(place, name="plain"):
    return place / "published" / f"{name}.safetensors"


def with_file(place, name="plain", image_encoder=None, scale=0.7) -> Editor:
    """An editor of a folder, with an IP-Adapter of a file."""
    editor = Editor.from_pretrained(place / "model", dtype="float32")
    editor.load_ip_adapter(file(place, name), image_encoder)
    editor.load_guides(ip_adapter_image=LOOK, ip_adapter_scale=scale)
    return editor


@pytest.fixture(scope="module")
def editor(place):
    return with_file(place)


@pytest.mark.parametrize(
    ("build", "kind", "name", "more"),
    [
        (tiny_pipeline, StableDiffusionPipeline, "plain", {}),
        (tiny_pipeline, StableDiffusionPipeline, "plus", {}),
        (tiny_xl, StableDiffusionXLPipeline, "xl", {}),
        (tiny_controlled, StableDiffusionControlNetPipeline, "plain", {"control_image": CONTROL}),
    ],
)
def test_a_plain_picture_is_that_of_diffusers_own_loader_bit_for_bit(place, tmp_path, build, kind, name, more):
    build().save_pretrained(tmp_path)
    pipeline = kind.from_pretrained(tmp_path)
    pipeline.load_ip_adapter(str(place / "published"), subfolder="", weight_name=f"{name}.safetensors")
    pipeline.set_ip_adapter_scale(0.7)
    pipeline.set_progress_bar_config(disable=True)
    given = {"image": CONTROL} if more else {}
    call = {"height": SIZE[0], "width": SIZE[1], "num_inference_steps": 2, "guidance_scale": 4.0}
    expected = pipeline(
        PROMPT,
        ip_adapter_image=LOOK,
        output_type="latent",
        generator=torch.Generator().manual_seed(3),
        **given,
        **call,
    ).images
    editor = Editor.from_pretrained(tmp_path, dtype="float32")
    before = torch.get_rng_state()
    editor.load_ip_adapter(file(place, name))
    assert torch.equal(torch.get_rng_state(), before)
    editor.load_guides(ip_adapter_image=LOOK, ip_adapter_scale=0.7, **more)
    source = editor.generate(PROMPT, **RUN)
    # A folder's own sampler is the pipeline's; the tiny models' is the editor's too.
    assert torch.equal(source.latents, expected)
    result = editor.edit(source, TARGET)
    assert not torch.equal(result.latents, source.latents)
    assert editor.replay(result.record)[0].image.tobytes() == result.image.tobytes()


def test_a_record_names_the_adapter_and_its_encoder_and_loads_them_again(place, editor, tmp_path):
    result = editor.generate_and_edit(PROMPT, TARGET, **RUN)
    record = RunRecord.from_json(result.record.to_json())
    assert [(one.kind, one.name) for one in record.model.adapters] == [
        ("ip-adapter", "plain"),
        ("image-encoder", "image_encoder"),
    ]
    assert "IP-Adapter 'plain', image encoder 'image_encoder'" in record.model.described
    again = Editor.from_pretrained(place / "model", dtype="float32")
    with pytest.raises(RecordError, match=r"IP-Adapter 'plain', which is not loaded so .*--ip-adapter FILE"):
        again.replay(record)
    again.load_recorded(record, ip_adapter_image=LOOK)
    assert again.replay(record)[0].image.tobytes() == result.image.tobytes()
    moved = shutil.copytree(place / "published", tmp_path / "moved")
    gone = RunRecord.from_json(record.to_json().replace(str(place / "published"), str(tmp_path / "gone")))
    for files in ([moved / "plain.safetensors"], [moved / "plain.safetensors", moved / "image_encoder"]):
        again = Editor.from_pretrained(place / "model", dtype="float32")
        with pytest.raises(RecordError, match=r"which is not at .*--ip-adapter FILE"):
            again.load_recorded(gone, ip_adapter_image=LOOK)
        again.load_recorded(gone, files, ip_adapter_image=LOOK)
        assert again.replay(record)[0].image.tobytes() == result.image.tobytes()
    (moved / "image_encoder").rename(moved / "elsewhere")
    again = Editor.from_pretrained(place / "model", dtype="float32")
    with pytest.raises(RecordError, match=r"image encoder 'image_encoder' .*--image-encoder FOLDER"):
        again.load_recorded(gone, [moved / "plain.safetensors"], ip_adapter_image=LOOK)


def test_weights_of_adapter_and_encoder_are_told_apart(place, editor):
    source = editor.generate(PROMPT, **RUN)
    record = source.record
    for name, encoder in (("other", None), ("plain", place / "second" / "image_encoder")):
        other = with_file(place, name, encoder)
        assert other.model.fingerprint != editor.model.fingerprint
        assert not torch.equal(other.generate(PROMPT, **RUN).latents, source.latents)
        with pytest.raises(SettingsError, match="use the editor that made it"):
            other.edit(source, TARGET)
        with pytest.raises(RecordError, match="which is not loaded so"):
            other.replay(record)
    renamed = shutil.copy(file(place), place / "published" / "renamed.safetensors")
    same = Editor.from_pretrained(place / "model", dtype="float32")
    same.load_ip_adapter(renamed, place / "published" / "image_encoder")
    same.load_guides(ip_adapter_image=LOOK, ip_adapter_scale=0.7)
    assert same.model.fingerprint == editor.model.fingerprint
    assert torch.equal(same.edit(source, TARGET).latents, editor.edit(source, TARGET).latents)


@pytest.mark.parametrize("name", ["plain", "plus"])
def test_after_unloading_the_model_is_as_it_was(place, name):
    pipeline = tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    whole, expected = pipeline_fingerprint(pipeline), editor.generate(PROMPT, **RUN).latents
    processors, config = dict(pipeline.unet.attn_processors), dict(pipeline.config)
    with pytest.raises(SettingsError, match="nothing can be unloaded"):
        editor.unload_ip_adapter()
    editor.load_ip_adapter(file(place, name))
    with pytest.raises(SettingsError, match="has an IP-Adapter, and no picture for it"):
        editor.generate(PROMPT, **RUN)
    editor.load_guides(ip_adapter_image=LOOK)
    assert not torch.equal(editor.generate(PROMPT, **RUN).latents, expected)
    assert not any(p.requires_grad for p in pipeline.unet.encoder_hid_proj.parameters())
    with pytest.raises(SettingsError, match="has an IP-Adapter already"):
        editor.load_ip_adapter(file(place))
    editor.unload_ip_adapter()
    assert (editor.model.adapters, editor.model.guides) == ((), None)
    assert pipeline_fingerprint(pipeline) == whole == editor.model.fingerprint
    assert dict(pipeline.unet.attn_processors) == processors
    assert dict(pipeline.config) == config
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


def test_a_pipelines_own_encoder_is_taken_and_an_owners_adapter_is_left(place):
    pipeline = tiny_pipeline()
    pipeline.register_modules(image_encoder=tiny_image_encoder(seed=1))
    encoder = pipeline.image_encoder
    editor = Editor.from_pipeline(pipeline)
    editor.load_ip_adapter(file(place))
    assert [one.kind for one in editor.model.adapters] == ["ip-adapter"]
    assert pipeline.image_encoder is encoder
    editor.unload_ip_adapter()
    editor.load_ip_adapter(file(place), place / "published" / "image_encoder")
    assert [one.kind for one in editor.model.adapters] == ["ip-adapter", "image-encoder"]
    editor.unload_ip_adapter()
    assert pipeline.image_encoder is encoder
    with pytest.raises(SettingsError, match="has an IP-Adapter already"):
        Editor.from_pipeline(with_ip_adapter(tiny_pipeline())).load_ip_adapter(file(place))


def test_beside_a_lora_each_is_taken_out_alone(place, tmp_path):
    trained(tuned := tiny_pipeline())
    path = lora(tuned, tmp_path / "style.safetensors", "peft")
    pipeline = tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    plain = editor.generate(PROMPT, **RUN).latents
    editor.load_lora(path)
    styled = editor.generate(PROMPT, **RUN).latents
    editor.load_ip_adapter(file(place))
    editor.load_guides(ip_adapter_image=LOOK)
    both = editor.generate(PROMPT, **RUN).latents
    editor.unload_ip_adapter()
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, styled)
    editor.load_ip_adapter(file(place))
    editor.load_guides(ip_adapter_image=LOOK)
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, both)
    editor.unload_lora("style")
    editor.unload_ip_adapter()
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, plain)


def changed(tensors, **changes):
    """The tensors of a file with some added, changed, or left out."""
    return {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}


BROKEN = {
    "a-lora": ({"unet.down.lora_A.weight": torch.ones(1, 1)}, "is no IP-Adapter; a LoRA is loaded with --lora"),
    "faceid": (
        {"image_proj.proj.0.weight": torch.ones(4, 4), "image_proj.norm.weight": torch.ones(4)},
        r"no IP-Adapter that reads CLIP's view of a picture \(FaceID does not\)",
    ),
    "one-layer": ({"ip_adapter.1.to_k_ip.weight": None, "ip_adapter.1.to_v_ip.weight": None}, "has keys and values"),
    "other-name": (
        {"ip_adapter.1.to_k_ip.weight": None, "ip_adapter.999.to_k_ip.weight": torch.ones(1, 1)},
        r"does not fit this model \('1.to_k_ip.weight'\)",
    ),
    "other-shape": ({"ip_adapter.1.to_k_ip.weight": torch.ones(3, 3)}, "does not fit this model .*size mismatch"),
    "other-tokens": (
        {
            "image_proj.proj.weight": torch.ones(4 * 6, 8),
            "image_proj.proj.bias": torch.ones(4 * 6),
            "image_proj.norm.weight": torch.ones(6),
            "image_proj.norm.bias": torch.ones(6),
        },
        "gives tokens of width 6, and this model reads",
    ),
    "more": ({"image_proj.more": torch.ones(1)}, "does not fit this model"),
    "endless": ({"image_proj.proj.bias": torch.tensor([float("nan")])}, "no finite numbers"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_does_not_fit_is_refused_and_leaves_nothing(place, tmp_path, name):
    changes, told = BROKEN[name]
    pipeline = tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    before, expected = editor.model, editor.generate(PROMPT, **RUN).latents
    whole = {} if name in ("a-lora", "faceid") else tiny_ip_adapter(pipeline.unet)
    save_file(changed(whole, **changes), path := tmp_path / f"{name}.safetensors")
    with pytest.raises(ModelError, match=told):
        editor.load_ip_adapter(path, place / "published" / "image_encoder")
    assert editor.model == before
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, expected)


def test_a_pickle_another_family_and_a_missing_file_are_refused(place, tmp_path):
    editor = Editor.from_pretrained(place / "model", dtype="float32")
    (tmp_path / "ip-adapter.bin").write_bytes(pickle.dumps({"image_proj": {}}))
    with pytest.raises(ModelError, match=r"is a pickle, .* convert it to safetensors"):
        editor.load_ip_adapter(tmp_path / "ip-adapter.bin")
    with pytest.raises(ModelError, match="cannot be read"):
        editor.load_ip_adapter(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match=r"has keys and values for|does not fit this model"):
        editor.load_ip_adapter(file(place, "xl"))
    with pytest.raises(ModelError, match="a FluxPipeline takes no IP-Adapter here"):
        Editor.from_pipeline(tiny_flux()).load_ip_adapter(file(place))


def test_an_encoder_that_is_missing_or_another_is_refused(place, tmp_path):
    editor = Editor.from_pretrained(place / "model", dtype="float32")
    before = editor.model
    alone = shutil.copy(file(place), tmp_path / "plain.safetensors")
    with pytest.raises(ModelError, match=r"needs an image encoder, and there is no 'image_encoder'.*--image-encoder"):
        editor.load_ip_adapter(alone)
    with pytest.raises(ModelError, match="there is no folder"):
        editor.load_ip_adapter(alone, tmp_path / "none")
    with pytest.raises(ModelError, match=r"reads 8 numbers of an image encoder, and this one gives 12"):
        editor.load_ip_adapter(alone, place / "wide")
    pickled = shutil.copytree(place / "wide", tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match="holds only pickled weights"):
        editor.load_ip_adapter(alone, pickled)
    assert editor.model == before
    shutil.copytree(place / "second" / "image_encoder", place / "model" / "image_encoder")
    editor.load_ip_adapter(file(place))  # of the two without a name the model's own
    assert editor.model.adapters[1].file == str(place / "model" / "image_encoder")
    shutil.rmtree(place / "model" / "image_encoder")
