"""What holds for every edit: the laws of the design, on a tiny model of real classes."""

import pytest
import torch
from diffusers import StableDiffusionPipeline

from helpers.loaded import load_model
from helpers.rounding import assert_same_latents
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.borrowed import Borrowed
from wordbrush.edits.plan import EditPlan, TargetPlan
from wordbrush.edits.token_map import TokenMap
from wordbrush.sampling.conditioning import Conditioning
from wordbrush.sampling.loop import Run, denoise
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

PROMPT, TARGETS = "a dog eating an apple", ["a cat eating an apple", "a big dog eating an orange", "a dog in autumn"]
RUN = {"seed": 5, "num_inference_steps": 5, "guidance_scale": 5.0}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.mark.parametrize("guidance_scale", [7.5, 1.0])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_plain_generation_is_the_pipelines(prediction_type, guidance_scale, tmp_path):
    folder = tiny_sd_folder(tmp_path / "model", prediction_type=prediction_type)
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        PROMPT,
        negative_prompt="a red mat",
        num_inference_steps=7,
        guidance_scale=guidance_scale,
        generator=torch.Generator().manual_seed(11),
        output_type="latent",
    ).images
    negative = {"negative_prompt": "a red mat"} if guidance_scale > 1 else {}  # nothing would read it
    source = Editor.from_pretrained(folder, "cpu").generate(
        PROMPT, seed=11, num_inference_steps=7, guidance_scale=guidance_scale, **negative
    )
    assert torch.equal(source.latents, expected)


def test_identity_plan_is_the_plain_model_bit_for_bit(tiny_folder):
    adapter, _ = load_model(tiny_folder, "cpu", None)
    text = Conditioning((adapter.encode("a dog"), adapter.encode("a cat")), adapter.encode(""))
    length = adapter.tokenize("a dog").length
    identity = TargetPlan.build(TokenMap.identity(length, length), torch.ones(4, length), (Borrowed(),) * 4)
    noise = adapter.noise(0, 32, 32)
    plans = (None, EditPlan((identity,)))
    plain, edited = (
        list(denoise(adapter, adapter.solver(4, 32, 32), noise, Run(text, (0, 1), 5.0, p)))[-1] for p in plans
    )
    assert torch.equal(plain.latents, edited.latents)
    assert edited.controlled_calls == 0


def test_source_of_an_edit_is_the_plain_picture(editor):
    together = editor.generate_and_edit(PROMPT, TARGETS, **RUN)
    assert_same_latents(together[0].source.latents, editor.generate(PROMPT, **RUN).latents)


def test_a_batch_of_edits_is_its_single_edits(editor):
    source = editor.generate(PROMPT, **RUN)
    batch = editor.edit(source, TARGETS)
    together = editor.generate_and_edit(PROMPT, TARGETS, **RUN)
    for target, one, other in zip(TARGETS, batch, together, strict=True):
        single = editor.edit(source, target).latents
        assert_same_latents(one.latents, single)
        assert_same_latents(other.latents, single)


@pytest.mark.parametrize("keep_bytes", [0, 60_000, 400_000, 1 << 30])
def test_what_is_kept_of_a_source_does_not_show(editor, tiny_folder, keep_bytes):
    everything = editor.edit(editor.generate(PROMPT, **RUN), TARGETS)
    keeper = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=keep_bytes)
    source = keeper.generate(PROMPT, **RUN)
    if keep_bytes:
        assert source.kept.tape.bytes <= keep_bytes
    for kept, reference in zip(keeper.edit(source, TARGETS), everything, strict=True):
        assert_same_latents(kept.latents, reference.latents)


def test_budgets_keep_no_part_and_all_of_the_steps(tiny_folder):
    kept = [
        Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=b).generate(PROMPT, **RUN).kept.tape.num_steps
        for b in (60_000, 400_000, 1 << 30)
    ]
    assert kept[0] == 0
    assert 0 < kept[1] < RUN["num_inference_steps"]
    assert kept[2] == RUN["num_inference_steps"]


def test_larger_self_attention_than_was_recorded_runs_the_source_again(tmp_path):
    folder = tiny_sd_folder(tmp_path / "large", sample_size=32)
    settings = {"self_replace_steps": 1.0, "self_replace_max_pixels": 1024}
    editor = Editor.from_pretrained(folder, "cpu")
    kept = editor.edit(editor.generate(PROMPT, **RUN), TARGETS[0], **settings)
    together = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, **settings)
    small = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, self_replace_steps=1.0)
    assert_same_latents(kept.latents, together.latents)
    assert (small.latents - together.latents).abs().max() > 1e-3


def test_many_edits_leave_the_model_untouched(editor, tiny_folder):
    before = editor.generate(PROMPT, **RUN)
    for target in TARGETS:
        editor.edit(before, target)
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, before.latents)
    fresh = Editor.from_pretrained(tiny_folder, "cpu").generate(PROMPT, **RUN)
    assert torch.equal(fresh.latents, before.latents)


@pytest.mark.parametrize("size", [(32, 48), (48, 32), (64, 64)])
def test_sizes_of_any_aspect(editor, size):
    result = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN, size=size)
    assert result.image.size == size[::-1]


def test_replay_gives_the_same_pixels(editor):
    source = editor.generate(PROMPT, **RUN)
    for made in (source, editor.edit(source, TARGETS[0]), editor.generate_and_edit(PROMPT, TARGETS[1], **RUN)):
        again = editor.replay(made.record)
        again = again[0] if isinstance(again, list) else again
        assert again.record == made.record
        assert again.image.tobytes() == made.image.tobytes()


def test_replay_computes_with_the_recorded_number_of_threads(editor):
    made = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        again = editor.replay(made.record)[0]
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert again.record == made.record
    assert torch.equal(again.latents, made.latents)


def test_a_local_blend_is_the_same_from_every_run(editor, tiny_folder):
    blend = {"local_blend": LocalBlend(threshold=0.7)}
    together = editor.generate_and_edit(PROMPT, TARGETS, **RUN, **blend)
    for keep_bytes in (0, 400_000, 1 << 30):
        keeper = Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=keep_bytes)
        source = keeper.generate(PROMPT, **RUN)
        for later, beside in zip(keeper.edit(source, TARGETS, **blend), together, strict=True):
            assert torch.equal(later.blend_masks, beside.blend_masks)
            assert_same_latents(later.latents, beside.latents)
            outside = ~later.blend_masks[-1]
            assert outside.any()
            assert torch.equal(later.latents[..., outside], source.latents[..., outside])


def test_an_edit_of_a_source_made_together_replays(editor):
    first = editor.generate_and_edit(PROMPT, TARGETS[0], **RUN)
    second = editor.edit(first.source, TARGETS[1])
    assert editor.replay(second.record)[0].record == second.record
    # Alone the source may round differently: its record says what ran in one batch with it.
    assert first.source.record.beside == first.record.edit
    again = editor.replay(type(second.record).from_json(first.source.record.to_json()))
    assert again.image.tobytes() == first.source.image.tobytes()


def test_weights_act_in_their_own_direction(editor):
    """A word's weight moves the result continuously: 1 is no change, and 2 is further away than 1.1."""
    source = editor.generate(PROMPT, **RUN)
    one, little, much = (editor.edit(source, PROMPT, equalizer={"apple": k}).latents for k in (1 + 1e-9, 1.1, 3.0))
    assert_same_latents(one, source.latents)
    assert (little - one).norm() < (much - one).norm()
