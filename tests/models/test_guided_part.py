"""ControlNets that act in a part of the schedule: in exactly the steps in which the pipeline's do, whatever runs."""

from functools import partial

import pytest
import torch
from diffusers import PNDMScheduler

from wordbrush.editor import Editor
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import RecordError, SettingsError
from wordbrush.runs.record import RunRecord
from wordbrush_bench.tiny.guided import picture, tiny_controlled, tiny_controlled_xl
from wordbrush_bench.tiny.stable_diffusion_xl import SIZE

PROMPT, TARGET = "a photo of a dog eating an apple", "a photo of a cat eating an apple"
STEPS = 4
RUN = {"seed": 3, "num_inference_steps": STEPS, "guidance_scale": 5.0, "size": SIZE}
CONTROL = picture(1)
PARTS = {
    "early": (tiny_controlled, CONTROL, {"control_guidance_end": 0.5}),
    "late": (tiny_controlled, CONTROL, {"control_guidance_start": 0.3}),
    "xl": (tiny_controlled_xl, CONTROL, {"control_guidance_start": 0.25, "control_guidance_end": 0.75}),
    "two": (
        partial(tiny_controlled, 2),
        [CONTROL, picture(3)],
        {"control_guidance_start": [0.0, 0.5], "control_guidance_end": [0.5, 0.75]},
    ),
}
ACTING = {"early": {0, 1}, "late": {2, 3}, "xl": {1, 2}, "two": {0, 1, 2}}
"""The steps in which a ControlNet acts."""


def guided(pipeline, control_image, part) -> Editor:
    editor = Editor.from_pipeline(pipeline)
    editor.load_guides(control_image=control_image, controlnet_conditioning_scale=0.7, **part)
    return editor


def drawn(pipeline, image, part, steps=STEPS):
    scale = [0.7] * 2 if isinstance(image, list) else 0.7
    call = {"height": SIZE[0], "width": SIZE[1], "num_inference_steps": steps, "guidance_scale": 5.0}
    call |= {"image": image, "controlnet_conditioning_scale": scale, **part}
    return pipeline(PROMPT, output_type="latent", generator=torch.Generator().manual_seed(3), **call).images


@pytest.fixture(scope="module", params=PARTS)
def made(request):
    """In float64: maps this sharp make much of float32's rounding."""
    build, image, part = PARTS[request.param]
    pipeline = build().to(torch.float64)
    return request.param, pipeline, guided(pipeline, image, part), image, part


@pytest.fixture(scope="module")
def late():
    build, image, part = PARTS["late"]
    pipeline = build()
    return pipeline, guided(pipeline, image, part)


class Asked:
    """The timesteps at which ControlNets are called."""

    def __init__(self, pipeline):
        self._net = getattr(pipeline.controlnet, "nets", [pipeline.controlnet])[0]
        self.timesteps = []

    def __enter__(self):
        self._hook = self._net.register_forward_pre_hook(self._note, with_kwargs=True)
        return self.timesteps

    def _note(self, _, args, named):
        self.timesteps.append(int(named["timestep"] if "timestep" in named else args[1]))

    def __exit__(self, *_):
        self._hook.remove()


def acting(editor, name, steps=STEPS):
    timesteps = editor._adapter.solver(steps, *SIZE).timesteps.tolist()
    return [timestep for step, timestep in enumerate(timesteps) if step in ACTING[name]]


def test_a_plain_picture_is_the_pipelines_bit_for_bit(made):
    name, pipeline, editor, image, part = made
    expected = drawn(pipeline, image, part)
    assert not torch.equal(expected, drawn(pipeline, image, {}))
    with Asked(pipeline) as asked:
        source = editor.generate(PROMPT, **RUN)
    assert torch.equal(source.latents, expected)
    assert asked == acting(editor, name)


def test_of_a_timestep_that_comes_twice_the_step_counts():
    """PNDM goes to its second timestep twice, and has a step more than it is asked for."""
    pipeline = tiny_controlled()
    pipeline.scheduler = PNDMScheduler.from_config(pipeline.scheduler.config, skip_prk_steps=True)
    for start in (0.2, 0.4):  # of five steps the first is left out, or the first two
        part = {"control_guidance_start": start}
        source = guided(pipeline, CONTROL, part).generate(PROMPT, **RUN, sampler="own")
        assert torch.equal(source.latents, drawn(pipeline, CONTROL, part))


def test_edits_see_it_in_the_same_steps(made):
    name, pipeline, editor, image, _ = made
    with Asked(pipeline) as asked:
        together = editor.generate_and_edit(PROMPT, TARGET, **RUN)
    assert asked == acting(editor, name)
    source = editor.generate(PROMPT, **RUN)
    with Asked(pipeline) as asked:
        later = editor.edit(source, TARGET)
    assert asked == acting(editor, name)
    torch.testing.assert_close(later.latents, together.latents, rtol=0, atol=1e-8)
    plain = guided(pipeline, image, {}).generate_and_edit(PROMPT, TARGET, **RUN)
    assert (plain.latents - together.latents).abs().max() > 1e-3


def test_an_edit_that_begins_late_or_reuses_features_sees_it_in_the_same_steps(late):
    pipeline, editor = late
    run = {**RUN, "num_inference_steps": 10}
    timesteps = editor._adapter.solver(10, *SIZE).timesteps.tolist()
    source = editor.generate(PROMPT, **run)
    for fast in (Shortcuts(late_start=0.2), Shortcuts(late_start=0.5), Shortcuts(cache_interval=2)):
        first = int(10 * fast.late_start)
        with Asked(pipeline) as asked:
            result = editor.edit(source, TARGET, fast=fast)
        assert asked == timesteps[max(3, first) :]
        assert editor.replay(result.record)[0].image.tobytes() == result.image.tobytes()


@pytest.mark.parametrize("method", ["direct", "ddim", "edit-friendly", "null-text", "negative-prompt", "h-edit"])
def test_an_inversion_and_its_edits_see_it_in_the_same_steps(late, method):
    pipeline, editor = late
    photo = guided(pipeline, CONTROL, {}).generate(PROMPT, **RUN).image
    steps = set(acting(editor, "late"))
    with Asked(pipeline) as asked:
        source = editor.invert(photo, PROMPT, method=method, num_inference_steps=STEPS, guidance_scale=5.0)
    assert set(asked) == steps or (method == "direct" and not asked)
    with Asked(pipeline) as asked:
        result = editor.edit(source, TARGET)
    assert set(asked) == steps
    assert editor.replay(result.record, photo=photo)[0].image.tobytes() == result.image.tobytes()


def test_looking_and_searching_see_it_in_the_same_steps(late):
    pipeline, editor = late
    source = editor.generate(PROMPT, **RUN)
    steps = set(acting(editor, "late"))
    for look in (
        lambda: editor.maps(source, "dog"),
        lambda: editor.edit(source, TARGET, strength="auto"),
        lambda: editor.probe([PROMPT], ["dog"], seeds=[0], num_inference_steps=STEPS, size=SIZE),
    ):
        with Asked(pipeline) as asked:
            look()
        assert set(asked) <= steps


def test_a_source_and_a_record_belong_to_the_part(late):
    pipeline, editor = late
    source = editor.generate(PROMPT, **RUN)
    result = editor.edit(source, TARGET)
    record = RunRecord.from_json(result.record.to_json())
    assert "x 0.7 from 0.3 to 1" in record.model.described
    other = Editor.from_pipeline(pipeline)
    for part in ({}, {"control_guidance_start": 0.3, "control_guidance_end": 0.9}):
        other.load_guides(control_image=CONTROL, controlnet_conditioning_scale=0.7, **part)
        assert other.model.fingerprint != editor.model.fingerprint
        with pytest.raises(SettingsError, match="load the same guides"):
            other.edit(source, TARGET)
        with pytest.raises(RecordError, match="there are other guides, or none"):
            other.replay(record)
    other.load_recorded(record, control_image=CONTROL)
    assert other.model.guides == editor.model.guides
    assert other.replay(record)[0].image.tobytes() == result.image.tobytes()


def test_all_of_the_schedule_is_said_by_nothing():
    whole = {"control_guidance_start": 0.0, "control_guidance_end": [1.0]}
    pipeline = tiny_controlled()
    assert guided(pipeline, CONTROL, whole).model == guided(pipeline, CONTROL, {}).model


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            {"control_guidance_start": -0.1},
            "control_guidance_start is -0.1 and control_guidance_end 1; give fractions",
        ),
        ({"control_guidance_end": 1.1}, "0 <= start < end <= 1"),
        ({"control_guidance_start": 0.5, "control_guidance_end": 0.5}, "0 <= start < end <= 1"),
        ({"control_guidance_start": 0.6, "control_guidance_end": 0.4}, "0 <= start < end <= 1"),
        ({"control_guidance_start": [0.1, 0.2]}, "control_guidance_start has 2 numbers for 1 control images"),
        ({"control_guidance_end": float("nan")}, "control_guidance_end is nan; give a finite number"),
    ],
)
def test_a_part_that_is_none_is_refused(late, part, told):
    with pytest.raises(SettingsError, match=told):
        late[1].load_guides(control_image=CONTROL, **part)
    with pytest.raises(SettingsError, match="are of a picture that is not given"):
        late[1].load_guides(ip_adapter_image=CONTROL, control_guidance_end=0.5)


def test_a_part_without_a_step_and_a_method_without_a_schedule_are_refused(late):
    pipeline, editor = late
    narrow = guided(pipeline, CONTROL, {"control_guidance_start": 0.3, "control_guidance_end": 0.6})
    with pytest.raises(SettingsError, match=r"0\.3 to control_guidance_end 0\.6 there is none of 4 steps"):
        narrow.generate(PROMPT, **RUN)
    photo = guided(pipeline, CONTROL, {}).generate(PROMPT, **RUN).image
    with pytest.raises(SettingsError, match="method 'chord' has two or three levels"):
        editor.invert(photo, PROMPT, method="chord")
