"""Guidance in a part of the steps: rows with the negative text run in those alone, for source and targets alike."""

from dataclasses import replace

import pytest
import torch

from helpers.loaded import load_model
from wordbrush.attention.tape import SourceTape
from wordbrush.editor import Editor
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import SettingsError
from wordbrush.runs.record import RunRecord
from wordbrush.runs.run import run_edit, run_source, run_together
from wordbrush.sampling.settings import GenerationDefaults, GenerationSettings
from wordbrush_bench.tiny.chat import tiny_qwen_image
from wordbrush_bench.tiny.joint import SIZE, tiny_sd3
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PROMPT, TARGET = "a dog eating an apple", "a cat eating an apple"
RUN = {"seed": 5, "num_inference_steps": 5, "guidance_scale": 5.0}
INTERVAL = (0.2, 0.6)
GUIDED = [1, 2, 2, 1, 1]
"""Rows of a picture in each of five steps with this interval."""


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


class Rows:
    """An adapter that notes the number of rows of each model call."""

    def __init__(self, adapter) -> None:
        self._adapter, self.rows = adapter, []

    def __getattr__(self, name):
        return getattr(self._adapter, name)

    def predict(self, latents, *rest):
        self.rows.append(len(latents))
        return self._adapter.predict(latents, *rest)

    def of(self, run):
        self.rows.clear()
        made = run()
        return list(self.rows), made


def settings(**options) -> GenerationSettings:
    return GenerationSettings.of(PROMPT, GenerationDefaults(), (32, 32), **{**RUN, **options})


def test_everywhere_is_what_it_was_bit_for_bit(editor):
    before = editor.generate(PROMPT, **RUN)
    after = editor.generate(PROMPT, **RUN, guidance_interval=(0.0, 1.0))
    assert torch.equal(before.latents, after.latents)
    assert before.settings == after.settings


def test_rows_with_the_negative_text_run_in_the_interval_alone(tiny_folder):
    counted = Rows(load_model(tiny_folder, "cpu", None)[0])
    own, edit = settings(guidance_interval=INTERVAL), EditSettings.of(TARGET)
    rows, kept = counted.of(lambda: run_source(counted, own, SourceTape(1 << 30, 256)))
    assert rows == GUIDED
    assert counted.of(lambda: run_edit(counted, own, edit, kept))[0] == GUIDED
    assert counted.of(lambda: run_together(counted, own, edit))[0] == [2 * count for count in GUIDED]


def test_an_unguided_step_is_that_of_a_scale_of_1(tiny_folder):
    adapter, _ = load_model(tiny_folder, "cpu", None)
    late = run_source(adapter, settings(guidance_interval=(0.4, 1.0)), None).latents
    never = run_source(adapter, settings(guidance_scale=1.0), None).latents
    always = run_source(adapter, settings(), None).latents
    assert all(torch.equal(late[step], never[step]) for step in range(3))
    early = run_source(adapter, settings(guidance_interval=0.4), None).latents
    assert all(torch.equal(early[step], always[step]) for step in range(3))
    assert not torch.equal(early[3], always[3])


def test_an_edit_of_a_kept_source_is_the_edit_beside_it(editor):
    source = editor.generate(PROMPT, **RUN, guidance_interval=INTERVAL)
    later = editor.edit(source, TARGET)
    together = editor.generate_and_edit(PROMPT, TARGET, **RUN, guidance_interval=INTERVAL)
    assert (later.latents - together.latents).abs().max() < 1e-4
    assert (later.latents - editor.edit(editor.generate(PROMPT, **RUN), TARGET).latents).abs().max() > 1e-3


def test_it_is_recorded_and_replayed(editor):
    result = editor.generate_and_edit(PROMPT, TARGET, **RUN, guidance_interval=INTERVAL)
    record = RunRecord.from_json(result.record.to_json())
    assert record.generation.guidance_interval == INTERVAL
    again = editor.replay(record)
    assert torch.equal(again[0].latents, result.latents)
    assert torch.equal(again[0].source.latents, result.source.latents)


@pytest.mark.parametrize(
    "method", ["ddim", "edit-friendly", "fixed-point", "h-edit", "h-edit-direct", "negative-prompt", "virtual"]
)
def test_the_source_of_a_photograph_is_guided_where_its_edits_are(editor, method):
    """So the source's own prompt gives the source again, as it does with guidance everywhere."""
    photo = editor.generate(PROMPT, **RUN).image
    own = {"source_guidance_scale": 5.0} if method in ("edit-friendly", "virtual") else {}
    own |= {"source_guidance_part": 1.0} if method.startswith("h-edit") else {}
    source = editor.invert(photo, PROMPT, method=method, **RUN, guidance_interval=INTERVAL, **own)
    whole = editor.invert(photo, PROMPT, method=method, **RUN, **own)
    again, wholly = (editor.regenerate(each, PROMPT).latents for each in (source, whole))
    missed, at_best = ((made - each.latents).abs().max() for made, each in ((again, source), (wholly, whole)))
    assert missed <= at_best + 1e-3
    edited = editor.edit(source, TARGET)
    assert edited.latents.isfinite().all()
    assert source.report.model_rows <= whole.report.model_rows


def test_an_inversion_skips_steps_of_the_schedule_and_the_interval_counts_them(tiny_folder):
    counted = Rows(load_model(tiny_folder, "cpu", None)[0])
    own = settings(guidance_interval=INTERVAL)
    kept = run_source(counted, own, None)

    skipped = replace(kept, latents=kept.latents[2:])
    assert counted.of(lambda: run_edit(counted, own, EditSettings.of(TARGET, cross_replace_steps=0.0), skipped))[
        0
    ] == [
        GUIDED[2] + 1,
        *GUIDED[3:],
    ]


def test_null_text_needs_every_step(editor):
    photo = editor.generate(PROMPT, **RUN).image
    with pytest.raises(SettingsError, match="leave out guidance_interval, or use another method"):
        editor.invert(photo, PROMPT, method="null-text", **RUN, guidance_interval=0.5)


@pytest.mark.parametrize(("pipeline", "scale"), [(tiny_sd3, 5.0), (tiny_qwen_image, 4.0)])
def test_families_of_joint_attention(pipeline, scale):
    """Qwen-Image runs its negative rows in a call of their own."""
    adapter = Rows(Editor.from_pipeline(pipeline())._adapter)
    plain, part = (
        adapter.of(lambda own=own: run_source(adapter, own, None))
        for own in (
            GenerationSettings(PROMPT, "", 5, 4, scale, *SIZE),
            GenerationSettings(PROMPT, "", 5, 4, scale, *SIZE, guidance_interval=(0.0, 0.5)),
        )
    )
    assert (sum(plain[0]), sum(part[0])) == (8, 6)
    assert torch.equal(part[1].latents[2], plain[1].latents[2])
    assert not torch.equal(part[1].latents[-1], plain[1].latents[-1])


def test_a_network_without_negative_rows_refuses_it():
    editor = Editor.from_pipeline(tiny_pipeline(time_cond_proj_dim=8))
    with pytest.raises(SettingsError, match="reads no guidance_interval; leave it out"):
        editor.generate(PROMPT, num_inference_steps=2, guidance_interval=0.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"guidance_interval": 1.5}, "guidance_interval is 1.5, outside of 0..1"),
        ({"guidance_interval": (0.9, 0.95)}, "guides none of 5 steps; widen it, or give guidance_scale=1"),
        ({"guidance_interval": 0.5, "guidance_scale": 1.0}, "guidance_interval does nothing at a guidance_scale of 1"),
    ],
)
def test_what_can_do_nothing_is_refused(editor, options, told):
    with pytest.raises(SettingsError, match=told):
        editor.generate(PROMPT, **{**RUN, **options})
