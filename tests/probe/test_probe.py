"""The probe on real classes at tiny size: each block is left out, and what it writes chooses layers."""

import json

import pytest
import torch

from wordbrush.editor import Editor
from wordbrush.errors import ModelError, PromptError, RecordError, SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.probe.chart import draw_chart
from wordbrush.runs.record import RunRecord
from wordbrush_bench.tiny.chat import tiny_klein, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3
from wordbrush_bench.tiny.pixart import tiny_pixart
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT = "a dog eating an apple"
RUN = {"num_inference_steps": 2, "size": SIZE}
BUILD = {
    "unet": tiny_pipeline,
    "pixart": tiny_pixart,
    "sd3": tiny_sd3,
    "flux": tiny_flux,
    "qwen-image": tiny_qwen_image,
    "z-image": tiny_z_image,
    "klein": tiny_klein,
}


@pytest.fixture(scope="module", params=BUILD)
def editor(request):
    return Editor.from_pipeline(BUILD[request.param]())


def network_of(editor):
    pipeline = editor._pipeline.pipeline
    return getattr(pipeline, "unet", None) or pipeline.transformer


def test_every_block_is_left_out_and_nothing_stays_behind(editor):
    before = editor.generate(PROMPT, **RUN)
    found = editor.probe([PROMPT], ["dog", "apple"], seeds=[0], **RUN)
    layers = editor._adapter.attention_layers(*SIZE)
    assert [layer for block in found.blocks for layer in block.text_layers] == [
        layer.site.name for layer in layers if layer.text
    ]
    assert {layer for block in found.blocks for layer in block.image_layers} == {
        layer.site.name for layer in layers if layer.image
    }
    assert all(block.change.mean > 0 for block in found.blocks)
    assert all(len(block.agreement.values) == 2 for block in found.blocks if block.agreement is not None)
    assert found.words == {PROMPT: ("dog", "apple")}
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, before.latents)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network_of(editor).modules()]
    assert sum(hooks) == 0


def test_a_block_that_is_left_out_hands_on_what_it_is_given(editor):
    """As if its place in the network were an identity."""
    layer = editor._adapter.attention_layers(*SIZE)[-1].site.name
    name = layer.rpartition(".")[0]
    block, seen = network_of(editor).get_submodule(name), []

    def compare(module, args, given, output):
        inputs = [value for value in (*args, *given.values()) if isinstance(value, torch.Tensor)]
        for part in output if isinstance(output, tuple) else (output,):
            assert part is None or any(part is value for value in inputs)
            seen.append(part)

    with editor._adapter.bypassed(name):
        handle = block.register_forward_hook(compare, with_kwargs=True)
        editor.generate(PROMPT, **RUN)
        handle.remove()
    assert seen


def test_what_it_writes_chooses_layers(editor, tmp_path):
    found = editor.probe([PROMPT], ["dog"], seeds=[0], **RUN)
    own = editor.generate(PROMPT, **RUN)
    words = tuple(layer for block in found.blocks for layer in block.text_layers)[-1:]
    layout = tuple(layer for block in found.blocks for layer in block.image_layers)[:1]
    found.save(tmp_path / "layers.json")
    written = json.loads((tmp_path / "layers.json").read_text())
    assert tuple(written["layers"]["words"]) == found.layers.words
    (tmp_path / "chosen.json").write_text(json.dumps({"layers": {"words": words, "layout": layout}}))
    try:
        editor.load_layers(tmp_path / "layers.json")
        chosen = editor.load_layers(tmp_path / "chosen.json")
        assert (chosen.words, chosen.layout) == (words, layout)
        source = editor.generate(PROMPT, **RUN)
        assert torch.equal(source.latents, own.latents)
        maps = editor.maps(source, MapsRequest(["dog"]))
        assert maps.info.stacks[0].sites == words
        edit = {"edit": "own", "self_replace_steps": 1.0, "self_replace_max_pixels": 1 << 16}
        target = "a cat eating an apple"
        edited = editor.edit(source, target, **edit)
        again = RunRecord.from_json(edited.record.to_json())
        editor.load_layers(None)
        everywhere = editor.edit(own, target, **edit)
        if len({layer for block in found.blocks for layer in block.image_layers}) > 1:
            assert edited.record.controlled_calls < everywhere.record.controlled_calls
        with pytest.raises(RecordError, match="another choice of attention layers"):
            editor.replay(again)
        editor.load_recorded(again)
        assert torch.equal(editor.replay(again)[0].latents, edited.latents)
    finally:
        editor.load_layers(None)


def test_a_folder_says_which_layers_and_the_command_reads_and_writes_them(tmp_path, capsys):
    from typer.testing import CliRunner

    from wordbrush.cli.app import app

    folder = tmp_path / "model"
    tiny_sd3().save_pretrained(folder)
    small = ["--model", str(folder), "--steps", "1", "--size", "32x48", "--quiet"]
    done = CliRunner().invoke(
        app, ["probe", *small, "--prompt", PROMPT, "--seeds", "1", "--out", str(tmp_path / "probe")]
    )
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "probe" / "layers.json").read_text())
    assert written["words"] == {PROMPT: ["dog", "apple"]}
    assert (tmp_path / "probe" / "probe.png").stat().st_size > 10_000
    given = {"words": ["transformer_blocks.2.attn"], "layout": ["transformer_blocks.0.attn2"]}
    (folder / "wordbrush.json").write_text(json.dumps({"layers": given}))
    editor = Editor.from_pretrained(folder)
    assert editor.model.layers.words == ("transformer_blocks.2.attn",)
    maps = editor.maps(editor.generate(PROMPT, **RUN), MapsRequest(["dog"]))
    assert maps.info.stacks[0].sites == ("transformer_blocks.2.attn",)
    other = tmp_path / "probe" / "layers.json"
    done = CliRunner().invoke(
        app, ["generate", PROMPT, *small, "--layers", str(other), "--out", str(tmp_path / "drawn")]
    )
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "drawn" / "record.json").read_text())
    assert record["model"]["layers"] == written["layers"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "has no layers"),
        ('{"layers": ["a"]}', "no choice"),
        ('{"layers": {"words": "mid"}}', "no choice"),
        ('{"layers": {"blocks": []}}', "no choice"),
        ('{"layers": {"words": ["mid_block.attn"]}}', "which the pipeline does not have"),
    ],
)
def test_a_file_that_chooses_nothing_is_told(content, said, tmp_path):
    (tmp_path / "layers.json").write_text(content)
    editor = Editor.from_pipeline(tiny_pipeline())
    with pytest.raises(ModelError, match=said):
        editor.load_layers(tmp_path / "layers.json")
    assert editor.model.layers.words == ()


def test_what_cannot_be_probed_is_told(editor):
    with pytest.raises(PromptError, match="'castle' is in none"):
        editor.probe([PROMPT], ["castle"], **RUN)
    with pytest.raises(SettingsError, match="no prompt names a thing"):
        editor.probe(["red"], **RUN)
    with pytest.raises(ModelError, match="no block"), editor._adapter.bypassed("nowhere"):
        pass


def test_a_chart_is_drawn_in_both_kinds(tmp_path):
    found = Editor.from_pipeline(tiny_sd3()).probe([PROMPT], ["dog"], seeds=[0], **RUN)
    for name, begins in (("chart.png", b"\x89PNG"), ("chart.svg", b"<?xml")):
        draw_chart(found, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)
