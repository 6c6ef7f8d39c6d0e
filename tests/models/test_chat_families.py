"""Qwen-Image, Z-Image and FLUX.2: their own pipelines bit for bit, and edits that equal maps formed by hand, of texts
of any length.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.failing_layers import fail_in_each_layer
from helpers.formed_joint import Formed, edited_map, formed_edit
from wordbrush.attention.control import StepControl
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import ControlError, ModelError, PromptError, SettingsError
from wordbrush.inversion.settings import InversionSettings
from wordbrush.maps.request import MapsRequest
from wordbrush.models.intercept import attention_modules
from wordbrush.sampling.patches import packed, unpacked
from wordbrush.tokens.pair import PromptPair
from wordbrush_bench.tiny.chat import FLUX_2_LENGTH, tiny_flux_2, tiny_klein, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.joint import SIZE

PROMPT = "a photo of a dog eating an apple"
LONG_WORD = "smilingcastlesmilingcastle"
"""Of so many tokens that Z-Image pads the prompt to 64 and not to 32."""
LONGER = f"a photo of a {LONG_WORD} eating an apple"
SHORTER = "a cat eating an apple"
TARGETS = [LONGER, "a photo of a cat eating an apple", SHORTER]
STEPS = 3
RUN = {"seed": 3, "num_inference_steps": STEPS}


@dataclass(frozen=True)
class Case:
    """A tiny family: what its pipeline is called with, and its latents as ours."""

    build: Callable[..., object]
    guided: dict[str, object] = field(default_factory=dict)
    ours: Callable[[Tensor, tuple[int, int]], Tensor] = lambda latents, size: latents
    theirs: Callable[[Tensor], Tensor] = lambda latents: latents
    size: tuple[int, int] = SIZE
    negative: bool = True
    twice: bool = True
    text_first: bool = True
    rows: tuple[int, int] = (-2, -1)
    joint: int = 2
    picture_alone: int = 0


CASES = {
    "qwen-image": Case(
        tiny_qwen_image,
        {"true_cfg_scale": 4.0},
        ours=lambda latents, size: unpacked(latents, (size[0] // 2, size[1] // 2), 2),
        theirs=lambda latents: packed(latents, 2),
    ),
    # 7 x 11 positions, and 19 of padding.
    "z-image": Case(
        tiny_z_image,
        {"guidance_scale": 5.0},
        size=(28, 44),
        twice=False,
        text_first=False,
        rows=(0, 1),
        picture_alone=1,
    ),
    "flux.2": Case(
        tiny_flux_2,
        {"guidance_scale": 4.0, "max_sequence_length": FLUX_2_LENGTH},
        ours=lambda latents, size: unpacked(latents, (size[0] // 4, size[1] // 4), 1),
        negative=False,
        twice=False,
        joint=3,
    ),
    # Its pipeline takes no other negative prompt than none.
    "klein": Case(
        tiny_klein,
        {"guidance_scale": 4.0, "max_sequence_length": FLUX_2_LENGTH},
        ours=lambda latents, size: unpacked(latents, (size[0] // 4, size[1] // 4), 1),
        negative=False,
        joint=3,
    ),
}
NAMES = list(CASES)


@pytest.fixture(scope="module")
def pipelines():
    return {name: case.build() for name, case in CASES.items()}


@pytest.fixture(scope="module")
def editors(pipelines):
    return {name: Editor.from_pipeline(pipeline) for name, pipeline in pipelines.items()}


def call_of(case: Case, size: tuple[int, int], prompts: int | None = None) -> dict[str, object]:
    negative = {}
    if case.negative:
        negative = {"negative_prompt": "red" if prompts is None else ["red"] * prompts}
    return {"height": size[0], "width": size[1], "num_inference_steps": STEPS, **case.guided, **negative}


def run_of(case: Case, size: tuple[int, int] | None = None) -> dict[str, object]:
    return {**RUN, "size": size or case.size, **({"negative_prompt": "red"} if case.negative else {})}


def plain(case: Case, pipeline, prompt: str, size: tuple[int, int], **call):
    """What the family's own pipeline makes of the same seed."""
    generator = torch.Generator().manual_seed(3)
    return pipeline(prompt=prompt, generator=generator, **{**call_of(case, size), **call}).images


def plain_latents(case: Case, pipeline, prompt: str, size: tuple[int, int]) -> Tensor:
    """Those after the last step: what is returned, klein's pipeline has put into its autoencoder's form."""
    last = {}

    def keep(pipeline, step: int, timestep, given):
        last.update(given)
        return {}

    plain(case, pipeline, prompt, size, output_type="latent", callback_on_step_end=keep)
    return case.ours(last["latents"], size)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("turned", [False, True])
def test_a_plain_picture_is_the_pipelines_bit_for_bit(pipelines, editors, name, turned):
    case, pipeline = CASES[name], pipelines[name]
    size = case.size[::-1] if turned else case.size
    source = editors[name].generate(PROMPT, **run_of(case, size))
    expected = plain_latents(case, pipeline, PROMPT, size)
    assert torch.equal(source.latents, expected)
    assert source.image.size == size[::-1]
    assert np.array_equal(np.array(source.image), np.array(plain(case, pipeline, PROMPT, size)[0]))
    # Looking passes every attention through the seam, and changes no bit.
    seen = editors[name].generate(PROMPT, **run_of(case, size), capture=MapsRequest(["dog"]))
    assert torch.equal(seen.latents, expected)


CANDIDATES = {
    "block, own mass": {"edit": "replace", "text_mass": "target", "self_replace_steps": 0, "new_word_factor": 1},
    "block": {"edit": "replace", "text_mass": "source", "self_replace_steps": 0, "new_word_factor": 1},
    "picture": {"edit": "own", "self_replace_steps": 0.7, "new_word_factor": 1},
    "all": {"edit": "refine", "text_mass": "target", "self_replace_steps": 0.4, "new_word_factor": 3},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize("target", [LONGER, SHORTER])
def test_a_fused_edit_equals_its_maps_formed(pipelines, editors, name, candidate, target):
    """Of a target whose text is longer or shorter than the source's, beside it and from what was kept of it."""
    case, editor, pipeline, options = CASES[name], editors[name], pipelines[name], CANDIDATES[candidate]
    if options["edit"] == "replace" and target is SHORTER:
        options = {**options, "edit": "refine"}
    options = {"cross_replace_steps": 0.5, **options}
    beside = editor.generate_and_edit(PROMPT, target, **run_of(case), **options)
    source = editor.generate(PROMPT, **run_of(case))
    kept = editor.edit(source, target, **options)
    pair = PromptPair.of(*(editor._adapter.tokenize(prompt) for prompt in (PROMPT, target)))
    transfer_ST, keep_T = edited_map(pair, options["edit"], options["new_word_factor"])
    layer = editor._adapter.attention_layers(*case.size)[-1]
    text = range(max(transfer_ST.shape)) if case.text_first else layer.text
    start = len(text) if case.text_first else 0
    formed = Formed(
        transfer_ST,
        keep_T,
        text,
        range(start, start + layer.pixels),
        text_steps=int(0.5 * (STEPS + 1)),
        image_steps=int(options["self_replace_steps"] * STEPS),
        own_mass=options.get("text_mass") == "target",
        rows=case.rows,
        twice=case.twice,
    )
    noise = case.theirs(source.kept.latents[0].expand(2, -1, -1, -1)).contiguous()
    made = formed_edit(pipeline, formed, [PROMPT, target], noise, **call_of(case, case.size, 2))
    theirs = case.ours(made, case.size)
    assert formed.calls == STEPS * (case.joint + case.picture_alone)
    seen = float((theirs[1] - plain_latents(case, pipeline, target, case.size)[0]).abs().max())
    assert seen > 2e-3
    near = min(1e-4, seen / 50)
    torch.testing.assert_close(beside.source.latents, theirs[:1], rtol=0, atol=near)
    torch.testing.assert_close(beside.latents, theirs[1:], rtol=0, atol=near)
    torch.testing.assert_close(kept.latents, theirs[1:], rtol=0, atol=near)


UNGUIDED = {
    "qwen-image": ("true_cfg_scale", 1.0),
    "z-image": ("guidance_scale", 0.0),
    "klein": ("guidance_scale", 1.0),
}


@pytest.mark.parametrize("name", UNGUIDED)
def test_without_guidance_a_picture_is_the_pipelines_too(pipelines, editors, name):
    option, scale = UNGUIDED[name]
    case = dataclasses.replace(CASES[name], negative=False, guided={**CASES[name].guided, option: scale})
    made = editors[name].generate(PROMPT, **run_of(case), guidance_scale=scale)
    assert torch.equal(made.latents, plain_latents(case, pipelines[name], PROMPT, case.size))


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_targets_is_its_singles_and_records_replay(pipelines, editors, name):
    case, editor = CASES[name], editors[name]
    options = {"edit": "auto", "self_replace_steps": 0.7, "text_mass": "target", "new_word_factor": 2}
    source = editor.generate(PROMPT, **run_of(case))
    together = editor.generate_and_edit(PROMPT, TARGETS, **run_of(case), **options)
    kept = editor.edit(source, TARGETS, **options)
    for target, one, other in zip(TARGETS, together, kept, strict=True):
        single = editor.edit(source, target, **options)
        for made in (one, other):
            torch.testing.assert_close(made.latents, single.latents, rtol=0, atol=1e-4)
        assert (single.latents - source.latents).abs().max() > 1e-2
    not_kept = Editor.from_pipeline(pipelines[name], keep_bytes=0)
    beside = not_kept.edit(not_kept.generate(PROMPT, **run_of(case)), TARGETS, **options)
    for one, other in zip(beside, kept, strict=True):
        torch.testing.assert_close(one.latents, other.latents, rtol=0, atol=1e-4)
    again = editor.replay(kept[0].record)
    assert [result.record for result in again] == [result.record for result in kept]
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(again, kept, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_each_layer_that_sees_the_picture_is_controlled_and_no_other(pipelines, editors, name, monkeypatch):
    case, seen = CASES[name], []
    answer = StepControl.__call__
    monkeypatch.setattr(StepControl, "__call__", lambda self, call: seen.append(call.site.name) or answer(self, call))
    result = editors[name].generate_and_edit(PROMPT, LONGER, **run_of(case), edit="replace", self_replace_steps=1.0)
    modules = [m for m in attention_modules(pipelines[name].transformer) if not m.startswith("context_refiner")]
    assert len(modules) == case.joint + case.picture_alone
    assert sorted(seen) == sorted(modules * STEPS)
    assert result.record.controlled_calls == STEPS * (2 * case.joint + case.picture_alone)


@pytest.mark.parametrize("name", NAMES)
def test_weights_windows_maps_and_a_blend(editors, name):
    case, editor = CASES[name], editors[name]
    source = editor.generate(PROMPT, **run_of(case))
    weighted = editor.edit(source, PROMPT, equalizer={"apple": 4.0})
    assert weighted.record.acted[0] == ("'apple' x 4",)
    early = editor.edit(source, LONGER, edit="replace", cross_replace_steps={LONG_WORD: 0.3, "default_": 1.0})
    assert (early.latents - editor.edit(source, LONGER, edit="replace").latents).abs().max() > 1e-3
    rows, columns = (side // 4 for side in case.size)
    maps = editor.edit(source, LONGER, capture=MapsRequest([LONG_WORD, "apple"])).maps
    assert maps.word(LONG_WORD).shape == (rows, columns)
    per_layer = editor.maps(source, MapsRequest(per_site=True, steps=0.4))
    assert len(per_layer.arrays) == case.joint
    everything = editor.maps(source, MapsRequest(list(range(editor._adapter.tokenize(PROMPT).length))))
    assert 0 < float(everything.arrays[0].sum()) < rows * columns  # the rest of each row is on the picture
    blended = editor.edit(source, LONGER, local_blend=LocalBlend(threshold=0.6))
    outside = ~blended.blend_masks[-1]
    assert outside.any()
    assert (~outside).any()
    assert torch.equal(blended.latents[..., outside], source.latents[..., outside])


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_the_picture_has_an_edit_of_its_own(editors, name):
    """A weight in its noun's region, and a larger thing: rows of the source's map, on an axis of its own length."""
    case, editor = CASES[name], editors[name]
    prompt, target = "a photo of a red dog", f"a photo of a {LONG_WORD} red cat"
    source = editor.generate(prompt, **run_of(case))
    options = {"edit": "refine", "equalizer": {"red": 4.0}}
    everywhere, inside = (editor.edit(source, target, **options, weight_region=where) for where in ("picture", "noun"))
    assert (inside.latents - everywhere.latents).abs().max() > 1e-3
    larger = editor.edit(source, target, edit="refine", self_replace_steps=0.7, resize=1.5)
    assert larger.latents.isfinite().all()
    plain = editor.edit(source, target, edit="refine", self_replace_steps=0.7)
    assert (larger.latents - plain.latents).abs().max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_an_exception_leaves_nothing_at_any_layer_and_step(pipelines, editors, name):
    case, editor, network = CASES[name], editors[name], pipelines[name].transformer
    expected = editor.generate(PROMPT, **run_of(case)).latents
    fail_in_each_layer(network, lambda: editor.generate_and_edit(PROMPT, LONGER, **run_of(case)))
    for stop in range(1, STEPS + 1):

        def on_step(done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise KeyError(stop)

        with pytest.raises(KeyError):
            editor.generate_and_edit(PROMPT, LONGER, **run_of(case), on_step=on_step)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert torch.equal(editor.generate(PROMPT, **run_of(case)).latents, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_its_pipeline(pipelines, editors, name, tmp_path):
    pipelines[name].save_pretrained(tmp_path)
    loaded = Editor.from_pretrained(tmp_path, "cpu", "float32")
    own = Editor.from_pipeline(type(pipelines[name]).from_pretrained(tmp_path, local_files_only=True))
    own._adapter._pipeline.set_progress_bar_config(disable=True)
    made, expected = (editor.generate(PROMPT, **run_of(CASES[name])).latents for editor in (loaded, own))
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4)  # weights may lie at other addresses in memory
    assert loaded.model.defaults == editors[name].model.defaults
    assert loaded._adapter.tokenize(LONGER) == own._adapter.tokenize(LONGER)


@pytest.mark.parametrize("name", NAMES)
def test_flow_edit_of_a_photograph(editors, name):
    """Equal prompts and guidance give the photograph's own latents back."""
    case, editor = CASES[name], editors[name]
    photo = editor.generate(PROMPT, **run_of(case)).image
    scale = editor.model.defaults.guidance_scale
    settings = InversionSettings("flow-edit", {"skip": 0.25, "source_guidance_scale": scale})
    source = editor.invert(photo, PROMPT, method=settings, num_inference_steps=STEPS, size=case.size, seed=5)
    assert source.image.size == photo.size
    back = editor.edit(source, PROMPT, equalizer={"dog": 1 + 1e-6}, self_replace_steps=1.0)
    torch.testing.assert_close(back.latents, source.latents, rtol=0, atol=1e-4)
    assert (editor.edit(source, LONGER).latents - source.latents).abs().max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_words_are_found_in_the_template_by_their_characters(pipelines, editors, name):
    """Each word's tokens are those of its letters, wherever the prompt stands, accents and all."""
    adapter, tokenizer = editors[name]._adapter, pipelines[name].tokenizer
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    for prompt in ("a castle, a dog", "  user: caf\u00e9 {dog}", "assistant", "color"):
        tokens = adapter.tokenize(prompt)
        for word, positions in zip(tokens.words, tokens.positions, strict=True):
            ids = [read_ids(pipelines[name], adapter, prompt)[position] for position in positions]
            assert tokenizer.decode(ids).strip() == word.text
    if tokenizer.padding_side == "right":  # spaces before the first word move nothing of the template
        assert adapter.tokenize("  a dog").segments[0].first == adapter.tokenize("a dog").segments[0].first
    empty = adapter.tokenize("")
    assert empty.words == ()
    assert empty.length <= adapter.tokenize("a castle").length


def read_ids(pipeline, adapter, prompt: str) -> list[int]:
    """The tokens that the text encoder is given, on the transformer's text axis."""
    seen = []
    hook = pipeline.text_encoder.register_forward_pre_hook(
        lambda module, args, given: seen.append((given["input_ids"][0], given["attention_mask"][0])),
        with_kwargs=True,
    )
    try:
        length = adapter.encode(prompt).states.shape[1]
    finally:
        hook.remove()
    ids, mask = seen[0]
    return ids[mask.bool()].tolist()[-length:] if length < len(ids) else ids.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_work_is_told(editors, name):
    case, editor = CASES[name], editors[name]
    source = editor.generate(PROMPT, **run_of(case))
    for option in ({"mutual_self_attention": True}, {"plug_and_play": True}):
        with pytest.raises(SettingsError):
            editor.edit(source, LONGER, **option)
    with pytest.raises(SettingsError, match="multiple of 4"):
        editor.generate(PROMPT, **{**run_of(case), "size": (34, 32)})
    with pytest.raises(SettingsError, match="sampled along a flow; give 'flow-euler'"):
        editor.generate(PROMPT, **run_of(case), sampler="ddim")
    with pytest.raises(PromptError, match="would fall off"):
        editor.generate("a big red dog " * 300, **run_of(case))
    with pytest.raises(SettingsError, match="negative_prompt"):
        editor.generate(PROMPT, **{**run_of(case), "negative_prompt": "red", "guidance_scale": 0})


@pytest.mark.parametrize("name", NAMES)
def test_a_block_that_is_skipped_is_told(name):
    pipeline = CASES[name].build()
    lists = [blocks for blocks in pipeline.transformer.children() if isinstance(blocks, torch.nn.ModuleList)]
    blocks = max(lists, key=len)
    blocks[0].forward = blocks[1].forward
    with pytest.raises(ControlError, match=r"\.0\.att"):
        Editor.from_pipeline(pipeline).generate_and_edit(PROMPT, LONGER, **run_of(CASES[name]))


def test_a_tokenizer_of_which_the_pipeline_would_drop_words_is_told():
    pipeline = tiny_qwen_image()
    pipeline.prompt_template_encode_start_idx = 40
    with pytest.raises(
        ModelError, match="makes 34 tokens of the template before the prompt and its pipeline drops 40"
    ):
        Editor.from_pipeline(pipeline).generate(PROMPT, **RUN, size=SIZE)


def test_klein_that_was_distilled_has_no_guidance_in_memory_and_from_its_folder(tmp_path):
    pipeline = tiny_klein(is_distilled=True)
    pipeline.save_pretrained(tmp_path)
    case = CASES["klein"]
    expected = plain_latents(case, pipeline, PROMPT, SIZE)
    for editor in (Editor.from_pipeline(pipeline), Editor.from_pretrained(tmp_path, "cpu", "float32")):
        assert (editor.model.defaults.num_inference_steps, editor.model.defaults.guidance_scale) == (4, 0.0)
        with pytest.raises(SettingsError, match="sampled without guidance"):
            editor.generate(PROMPT, **run_of(case), guidance_scale=4.0)
    assert torch.equal(Editor.from_pipeline(pipeline).generate(PROMPT, **run_of(case)).latents, expected)


def test_a_negative_prompt_of_klein_is_that_of_its_embeddings(pipelines, editors):
    case, pipeline = CASES["klein"], pipelines["klein"]
    negative = pipeline.encode_prompt("red", max_sequence_length=FLUX_2_LENGTH)[0]
    last = {}
    call = {"callback_on_step_end": lambda pipeline, step, timestep, given: last.update(given) or {}}
    plain(case, pipeline, PROMPT, SIZE, output_type="latent", negative_prompt_embeds=negative, **call)
    made = editors["klein"].generate(PROMPT, **run_of(case), negative_prompt="red")
    assert torch.equal(made.latents, case.ours(last["latents"], SIZE))


class AddsAToken:
    """A processor whose own tokens are not those of its chat template."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def apply_chat_template(self, conversation, *, tokenize: bool, **options):
        made = self.tokenizer.apply_chat_template(conversation, tokenize=tokenize, **options)
        return {"input_ids": [0, *made["input_ids"]]} if tokenize else made


def test_what_mistral_would_read_otherwise_is_told(editors):
    with pytest.raises(PromptError, match=r"has \[IMG\], which stands for a picture; leave it out"):
        editors["flux.2"].generate("a dog [IMG]", **run_of(CASES["flux.2"]))
    pipeline = tiny_flux_2()
    pipeline.tokenizer = AddsAToken(pipeline.tokenizer)
    with pytest.raises(ModelError, match="reads other tokens than its chat template has"):
        Editor.from_pipeline(pipeline).generate(PROMPT, **run_of(CASES["flux.2"]))


def test_a_template_that_rewrites_prompts_is_told():
    pipeline = tiny_z_image()
    pipeline.tokenizer.chat_template = pipeline.tokenizer.chat_template.replace("content }}", "content | upper }}")
    with pytest.raises(PromptError, match="rewrites the prompt"):
        Editor.from_pipeline(pipeline).generate(PROMPT, **run_of(CASES["z-image"]))


def test_latents_of_z_image_stay_in_single_precision():
    pipeline = tiny_z_image()
    for network in (pipeline.transformer, pipeline.text_encoder, pipeline.vae):
        network.to(torch.bfloat16)
    case = CASES["z-image"]
    source = Editor.from_pipeline(pipeline).generate(PROMPT, **run_of(case))
    assert source.latents.dtype == torch.float32
    assert torch.equal(source.latents, plain_latents(case, pipeline, PROMPT, case.size))


@pytest.mark.parametrize(
    ("build", "changes", "said"),
    [
        (tiny_qwen_image, {"joint_attention_dim": 20}, "text encoder of width 16 and a transformer that reads 20"),
        (tiny_qwen_image, {"in_channels": 12}, "transformer of 12 channels and an autoencoder of 16"),
        (tiny_z_image, {"cap_feat_dim": 20}, "text encoder of width 16 and a transformer that reads 20"),
        (tiny_z_image, {"in_channels": 8}, "transformer of 8 channels and an autoencoder of 4"),
        (tiny_klein, {"joint_attention_dim": 60}, "text encoder of width 16 and a transformer that reads 20"),
        (tiny_klein, {"in_channels": 12}, "transformer of 12 channels and an autoencoder of 16"),
    ],
)
def test_parts_that_do_not_fit_are_told(build, changes, said):
    with pytest.raises(ModelError, match=said):
        Editor.from_pipeline(build(**changes))


def test_z_image_has_a_largest_size(editors):
    with pytest.raises(SettingsError, match="size is 132x32, and this model has positions up to 128x128"):
        editors["z-image"].generate(PROMPT, **run_of(CASES["z-image"], (132, 32)))


def test_another_chat_template_is_another_model(tmp_path):
    pipeline = tiny_z_image()
    pipeline.save_pretrained(tmp_path)
    editors = Editor.from_pipeline(pipeline), Editor.from_pretrained(tmp_path, "cpu")
    before = [editor.model.fingerprint for editor in editors]
    pipeline.tokenizer.chat_template = pipeline.tokenizer.chat_template.replace("assistant", "picture")
    pipeline.tokenizer.save_pretrained(tmp_path / "tokenizer")
    assert before[0] != editors[0].model.fingerprint
    assert before[1] != Editor.from_pretrained(tmp_path, "cpu").model.fingerprint
