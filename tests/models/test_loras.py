"""LoRAs in every form of file, beside an owner's own, at any scale; and the model as it was after unloading."""

import json
from pathlib import Path

import pytest
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save, save_file

from helpers.adapter_files import concept, kohya_for_two_encoders, lora, trained
from wordbrush.editor import Editor
from wordbrush.errors import ModelError, RecordError, SettingsError
from wordbrush.runs.cache import InversionCache
from wordbrush_bench.tiny.joint import tiny_flux
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

RUN = {"seed": 4, "num_inference_steps": 2, "guidance_scale": 4.0}
PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"


@pytest.fixture(scope="module")
def made():
    """A pipeline with a LoRA that PEFT itself put in."""
    pipeline = tiny_pipeline()
    trained(pipeline)
    return pipeline


@pytest.fixture(scope="module")
def files(made, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("loras")
    return {form: lora(made, folder / f"{form}.safetensors", form) for form in ("peft", "diffusers", "kohya")}


def latents(editor: Editor) -> torch.Tensor:
    return editor.generate(PROMPT, **RUN).latents


def parts(pipeline) -> dict[str, object]:
    """Every tensor by name, every layer by its class, and what takes gradients."""
    models = {"unet": pipeline.unet, "text": pipeline.text_encoder}
    tensors = {f"{n}.{k}": v.clone() for n, m in models.items() for k, v in m.state_dict().items()}
    kinds = {f"{n}.{k}": type(layer) for n, m in models.items() for k, layer in m.named_modules()}
    kinds |= {f"{n}.{k}": p.requires_grad for n, m in models.items() for k, p in m.named_parameters()}
    known = {n: sorted(getattr(m, "peft_config", {})) for n, m in models.items()}
    return {"tensors": tensors, "kinds": kinds, "known": known}


def assert_as_before(pipeline, before: dict[str, object]) -> None:
    after = parts(pipeline)
    assert (after["kinds"], after["known"]) == (before["kinds"], before["known"])
    assert after["tensors"].keys() == before["tensors"].keys()
    assert all(torch.equal(after["tensors"][name], tensor) for name, tensor in before["tensors"].items())


@pytest.mark.parametrize("form", ["peft", "diffusers", "kohya"])
def test_every_form_draws_what_the_trained_pipeline_draws_and_leaves_nothing_behind(form, files, made):
    pipeline = tiny_pipeline()
    editor, before, random = Editor.from_pipeline(pipeline), parts(pipeline), torch.random.get_rng_state()
    fingerprint = editor.model.fingerprint
    assert editor.load_lora(files[form]) == form
    assert torch.equal(torch.random.get_rng_state(), random)
    assert torch.equal(latents(editor), latents(Editor.from_pipeline(made)))
    assert editor.model.fingerprint != fingerprint
    editor.unload_lora(form)
    assert_as_before(pipeline, before)
    assert editor.model.fingerprint == fingerprint


def test_its_scale_changes_between_edits_and_a_folders_model_is_another_one_with_it(files, tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    plain = editor.generate(PROMPT, **RUN)
    editor.load_lora(files["kohya"], 0.5, "toy")
    half = editor.generate(PROMPT, **RUN)
    editor.scale_lora("toy", 0)
    assert torch.equal(latents(editor), plain.latents)
    with pytest.raises(SettingsError, match="the source was made with"):
        editor.edit(plain, TARGET)
    editor.scale_lora("toy", 0.5)
    result = editor.edit(half, TARGET)
    assert not torch.equal(half.latents, plain.latents)
    assert [str(file) for file in result.record.model.adapters] == ["LoRA 'toy' x 0.5"]
    assert "LoRA &#39;toy&#39; x 0.5" in result._repr_html_()
    assert editor.replay(result.record)[0].image.tobytes() == result.image.tobytes()
    editor.scale_lora("toy", 1)
    with pytest.raises(RecordError, match=r"made with the LoRA 'toy' x 0\.5, which is not loaded so"):
        editor.replay(result.record)
    editor.unload_lora("toy")
    assert editor.edit(plain, TARGET).record.model.adapters == ()


def test_several_add_up_in_any_order_and_beside_an_owners_own(files, tmp_path):
    pipeline = tiny_pipeline()
    trained(pipeline, "own", seed=5)
    pipeline.set_adapters("own", 0.3)
    editor, before = Editor.from_pipeline(pipeline), parts(pipeline)
    own = latents(editor)
    strengths = [dict(layer.scaling) for layer in pipeline.unet.modules() if isinstance(layer, BaseTunerLayer)]
    first = editor.load_lora(files["peft"], 0.5)
    second = editor.load_lora(files["kohya"], -0.5)
    assert pipeline.get_active_adapters() == ["own", first, second]
    both = latents(editor)
    assert torch.allclose(both, own, atol=1e-3), "the same LoRA, once added and once taken away"
    editor.unload_lora(first)
    assert not torch.allclose(latents(editor), own, atol=1e-2)
    editor.unload_lora(second)
    assert torch.equal(latents(editor), own)
    assert_as_before(pipeline, before)
    assert strengths == [dict(layer.scaling) for layer in pipeline.unet.modules() if isinstance(layer, BaseTunerLayer)]


def test_a_lora_and_a_concept_go_together(files, tmp_path, tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    plain = latents(editor)
    editor.load_lora(files["kohya"])
    editor.load_concept(concept(tmp_path / "toy.safetensors"))
    result = editor.generate_and_edit(PROMPT, "a <toy> eating an apple", equalizer={"<toy>": 2.0}, **RUN)
    assert result.record.acted == (("'dog' -> '<toy>'", "'<toy>' x 2"),)
    other = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    other.load_recorded(result.record)
    assert other.replay(result.record)[0].image.tobytes() == result.image.tobytes()
    editor.unload_concept("<toy>")
    editor.unload_lora("kohya")
    assert torch.equal(latents(editor), plain)


def test_a_record_finds_its_files_by_their_content(files, tmp_path, tiny_folder):
    path = tmp_path / "moved.safetensors"
    path.write_bytes(files["kohya"].read_bytes())
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    editor.load_lora(path, 0.7)
    record = editor.generate(PROMPT, **RUN).record
    path.write_bytes(files["peft"].read_bytes())
    other = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    with pytest.raises(RecordError, match=r"LoRA 'moved' x 0\.7 \(sha256 .*\), which is not at '.*'; add --lora FILE"):
        other.load_recorded(record)
    other.load_recorded(record, [files["diffusers"], files["kohya"]])
    assert other.model.fingerprint == record.model.fingerprint
    with pytest.raises(RecordError, match="made without the LoRA 'moved'"):
        other.replay(Editor.from_pretrained(tiny_folder, "cpu", "float32").generate(PROMPT, **RUN).record)


def test_kept_inversions_do_not_mix(files, tmp_path, tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    photo = editor.generate(PROMPT, **RUN).image
    keep = {"method": "direct", "num_inference_steps": 2, "cache": InversionCache(tmp_path)}
    found = []
    for scale in (0.0, 0.5, 0.0):
        editor.load_lora(files["kohya"], scale)
        found.append(any("kept" in note for note in editor.invert(photo, PROMPT, **keep).notes))
        editor.unload_lora("kohya")
    assert found == [False, False, True]


def test_kohyas_names_for_two_text_encoders(tmp_path):
    made, pipeline = tiny_xl(), tiny_xl()
    editor, run = Editor.from_pipeline(pipeline), {"seed": 4, "num_inference_steps": 1}
    before = editor.generate(PROMPT, **run).latents
    trained(made)
    name = editor.load_lora(kohya_for_two_encoders(made, tmp_path / "xl.safetensors"))
    with_it = editor.generate(PROMPT, **run).latents
    assert torch.equal(with_it, Editor.from_pipeline(made).generate(PROMPT, **run).latents)
    assert not torch.allclose(with_it, before, atol=1e-2)
    editor.unload_lora(name)
    assert torch.equal(editor.generate(PROMPT, **run).latents, before)


def test_other_families_take_their_own(tmp_path):
    for pipeline, layers in ((tiny_xl(), 2), (tiny_flux(), 1)):
        model = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
        prefix = "unet" if hasattr(pipeline, "unet") else "transformer"
        names = [name for name, _ in model.named_modules() if name.endswith(".to_q")][:layers]
        generator = torch.Generator().manual_seed(0)
        tensors = {}
        for name in names:
            out, inside = model.get_submodule(name).weight.shape
            tensors[f"{prefix}.{name}.lora_A.weight"] = torch.randn(2, inside, generator=generator)
            tensors[f"{prefix}.{name}.lora_B.weight"] = torch.randn(out, 2, generator=generator)
        path = tmp_path / f"{prefix}.safetensors"
        save_file(tensors, path)
        editor = Editor.from_pipeline(pipeline)
        run = {"seed": 4, "num_inference_steps": 1}
        before = editor.generate("a dog", **run).latents
        editor.load_lora(path)
        assert not torch.equal(editor.generate("a dog", **run).latents, before)
        editor.unload_lora(prefix)
        assert torch.equal(editor.generate("a dog", **run).latents, before)


def changed(files, change) -> bytes:
    tensors = load_file(files["kohya"])
    change(tensors)
    return save(tensors)


BAD = {
    "another layer": (
        lambda t: t.update({k.replace("attn1", "attn7"): t.pop(k) for k in list(t) if "attn1" in k}),
        r"acts on \d+ layers with \d+ outputs, of which this model has 36 layers with \d+ outputs",
    ),
    "other width": (
        lambda t: t.update({k: torch.ones(2, 64) for k in t if "attn2_to_k.lora_down" in k}),
        "does not fit this model",
    ),
    "other rank": (
        lambda t: t.update({k: torch.ones(3, v.shape[1]) for k, v in t.items() if "attn1_to_q.lora_down" in k}),
        "does not fit this model",
    ),
    "half a pair": (
        lambda t: [t.pop(k) for k in list(t) if "attn1_to_q.lora_up" in k],
        "does not fit this model",
    ),
    "loha": (lambda t: t.update({"lora_unet_mid.hada_w1_a": torch.ones(2, 2)}), "hada_w1_a' and is no plain LoRA"),
    "dora": (lambda t: t.update({"lora_unet_mid.dora_scale": torch.ones(2, 2)}), "dora_scale' and is no plain LoRA"),
    "a model": (lambda t: (t.clear(), t.update({"unet.conv.weight": torch.ones(2, 2)})), "is no plain LoRA"),
    "empty": (lambda t: t.clear(), "'nothing' and is no plain LoRA"),
    "an alpha of many": (
        lambda t: t.update({k: torch.ones(2) for k in t if k.endswith(".alpha")}),
        "does not fit this model",
    ),
    "not a number": (
        lambda t: t.update({k: torch.full_like(v, torch.nan) for k, v in t.items() if "lora_up" in k}),
        "no finite numbers",
    ),
}


@pytest.fixture(scope="module")
def editor():
    return Editor.from_pipeline(tiny_pipeline())


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line_and_the_model_is_as_it_was(editor, case, files, tmp_path, capfd):
    change, told = BAD[case]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(changed(files, change))
    before = parts(editor._pipeline.pipeline)
    with pytest.raises(ModelError, match=told) as error:
        editor.load_lora(path)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""
    assert editor.model.adapters == ()
    assert_as_before(editor._pipeline.pipeline, before)


def test_a_failure_leaves_the_others_as_they_act(editor, files, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(changed(files, BAD["other width"][0]))
    editor.load_lora(files["peft"], 0.5)
    before = latents(editor)
    with pytest.raises(ModelError, match="does not fit this model"):
        editor.load_lora(path)
    assert torch.equal(latents(editor), before)
    editor.unload_lora("peft")


def test_metadata_that_asks_for_more_is_refused(editor, files, tmp_path):
    path = tmp_path / "odd.safetensors"
    tensors = load_file(files["peft"])
    for metadata, told in (
        (json.dumps({"unet.use_dora": True}), "asks for use_dora=True"),
        (json.dumps({"unet.megatron_config": {"x": 1}}), "asks for megatron_config"),
        ("[[[", "broken metadata"),
        ("[1]", "broken metadata"),
    ):
        save_file(tensors, path, {"lora_adapter_metadata": metadata})
        with pytest.raises(ModelError, match=told):
            editor.load_lora(path)


def test_an_owners_switched_off_or_fused_lora_is_told(files):
    pipeline = tiny_pipeline()
    trained(pipeline, "own")
    pipeline.disable_lora()
    editor = Editor.from_pipeline(pipeline)
    with pytest.raises(SettingsError, match="switched off or fused"):
        editor.load_lora(files["kohya"])
    pipeline.enable_lora()
    pipeline.fuse_lora()
    with pytest.raises(SettingsError, match="switched off or fused"):
        editor.load_lora(files["kohya"])


def test_names_and_scales_that_cannot_be_are_told(editor, files):
    for scale in (float("nan"), "1", True):
        with pytest.raises(SettingsError, match="give a number, such as"):
            editor.load_lora(files["kohya"], scale)
    for name in ("a.b", "", "a b"):
        with pytest.raises(SettingsError, match="is no name"):
            editor.load_lora(files["kohya"], name=name)
    for change in (lambda: editor.scale_lora("toy", 1), lambda: editor.unload_lora("toy")):
        with pytest.raises(SettingsError, match="there is no LoRA 'toy'; loaded are: none"):
            change()
    assert [editor.load_lora(files["kohya"]), editor.load_lora(files["kohya"])] == ["kohya", "kohya_2"]
    with pytest.raises(SettingsError, match="'kohya' is loaded already"):
        editor.load_lora(files["kohya"], name="kohya")
    editor.unload_lora("kohya")
    editor.unload_lora("kohya_2")
