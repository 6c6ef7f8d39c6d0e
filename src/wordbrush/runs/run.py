"""The runs there are: a source, edits of a kept source, a source with its edits side by side, and a second look."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from wordbrush.attention.attend import Attend, MapInputs
from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Watch, column_maps
from wordbrush.edits.blend_words import blend_tokens
from wordbrush.edits.compose import plan_edit
from wordbrush.edits.plan import EditPlan
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import ControlError
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.blender import Blender
from wordbrush.sampling.loop import Conditioning, OnStep, Step, denoise
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings


@dataclass(frozen=True, eq=False)
class EditRun:
    """Finished latents (targets, C, h, w) of an edit, what each target's edit did in words, and how many attention
    calls it controlled; with a local blend its masks (targets, steps, h, w).
    """

    latents: Tensor
    acted: tuple[tuple[str, ...], ...]
    controlled_calls: int
    blend_masks: Tensor | None
    warnings: tuple[str, ...]


def run_source(
    adapter: Adapter,
    settings: GenerationSettings,
    tape: SourceTape | None,
    on_step: OnStep | None = None,
    watches: Sequence[Watch] = (),
) -> Replay:
    """Generate, and record on `tape` what later edits need. Raises `PromptError` for a prompt that does not fit.

    `watches` are given the maps that they ask for, here and in the other runs.
    """
    text = _text(adapter, settings, ())
    noise = adapter.noise(settings.seed, settings.height, settings.width)
    steps = _denoise(adapter, settings, noise, text, (SOURCE,), on_step, record_to=tape, watches=watches)
    return Replay(text.positive[SOURCE], (noise, *(step.latents for step in steps)), tape)


def run_edit(
    adapter: Adapter,
    settings: GenerationSettings,
    edit: EditSettings,
    kept: Replay,
    on_step: OnStep | None = None,
    watches: Sequence[Watch] = (),
) -> EditRun:
    """Edit a source that ran before; only its targets run."""
    plan, acted = _plan(adapter, settings, edit, kept.num_steps)
    text = _text(adapter, settings, edit.targets, source=kept.text)
    branches = range(SOURCE + 1, SOURCE + 1 + len(edit.targets))
    blend = _blender(adapter, settings, edit, kept.latents[0], kept.num_steps)
    steps = _denoise(
        adapter, settings, kept.latents[0], text, branches, on_step, plan=plan, kept=kept, watches=watches, blend=blend
    )
    return _edit_run(steps, steps[-1].latents, acted, edit, blend)


def run_together(
    adapter: Adapter,
    settings: GenerationSettings,
    edit: EditSettings,
    on_step: OnStep | None = None,
    watches: Sequence[Watch] = (),
) -> tuple[Replay, EditRun]:
    """Generate a source and edit it in one batch."""
    plan, acted = _plan(adapter, settings, edit, settings.num_inference_steps)
    text = _text(adapter, settings, edit.targets)
    noise = adapter.noise(settings.seed, settings.height, settings.width)
    branches = range(SOURCE, SOURCE + 1 + len(edit.targets))
    blend = _blender(adapter, settings, edit, noise, settings.num_inference_steps)
    steps = _denoise(adapter, settings, noise, text, branches, on_step, plan=plan, watches=watches, blend=blend)
    kept = Replay(text.positive[SOURCE], (noise, *(step.latents[:1] for step in steps)), None)
    return kept, _edit_run(steps, steps[-1].latents[1:], acted, edit, blend)


def run_again(adapter: Adapter, settings: GenerationSettings, kept: Replay, on_step: OnStep | None = None) -> Replay:
    """The plain picture of the settings' prompt from another source's noise, steered as its edits are."""
    text = _text(adapter, settings, ())
    steps = _denoise(adapter, settings, kept.latents[0], text, (SOURCE,), on_step, kept=kept)
    return replace(kept, text=text.positive[SOURCE], latents=(kept.latents[0], *(s.latents for s in steps)), tape=None)


def look_again(
    adapter: Adapter, settings: GenerationSettings, kept: Replay, watch: Watch, on_step: OnStep | None = None
) -> None:
    """Give a watch the maps of a source that ran before: from its tape, and where that ends from one model call a
    step on its kept latents, with its prompt alone.
    """
    tape = kept.tape
    for step, timestep in enumerate(kept.timesteps(adapter.solver(settings.num_inference_steps))):
        if watch.asks(step, SOURCE):
            if tape is not None and tape.covers(step, self_max_pixels=watch.self_max_pixels):
                _read_again(tape, step, watch)
            else:
                control = StepControl(step, BatchLayout.of([SOURCE], guided=False), None, watches=[watch])
                adapter.predict(kept.latents[step], timestep, kept.text, control)
        if on_step is not None:
            on_step(step + 1, kept.num_steps)


def _read_again(tape: SourceTape, step: int, watch: Watch) -> None:
    for layer, inputs, attend in tape.calls(step):
        columns_KW = watch.columns(SOURCE, layer)
        if columns_KW is not None:
            maps = column_maps(layer, columns_KW, inputs.k_HKD, partial(_attend_row, attend, inputs))
            watch.take(step, SOURCE, layer, maps)


def _attend_row(attend: Attend, inputs: MapInputs, v_1HKD: Tensor) -> Tensor:
    mask = inputs.mask_HQK
    return attend(inputs.q_HQD[None], inputs.k_HKD[None], v_1HKD, None if mask is None else mask[None])


def _plan(
    adapter: Adapter, settings: GenerationSettings, edit: EditSettings, num_steps: int
) -> tuple[EditPlan, tuple[tuple[str, ...], ...]]:
    return plan_edit(
        adapter.tokenize(settings.prompt),
        [adapter.tokenize(target) for target in edit.targets],
        edit,
        num_steps,
        adapter.editable_layers(settings.height, settings.width),
        adapter.device,
        adapter.dtype,
    )


def _blender(
    adapter: Adapter, settings: GenerationSettings, edit: EditSettings, noise: Tensor, num_steps: int
) -> Blender | None:
    if edit.local_blend is None:
        return None
    source = adapter.tokenize(settings.prompt)
    tokens = blend_tokens(source, list(map(adapter.tokenize, edit.targets)), edit.local_blend, edit.equalizer)
    layers = adapter.attention_layers(settings.height, settings.width)
    height, width = noise.shape[-2:]
    return Blender(edit.local_blend, tokens, source.length, layers, num_steps, (height, width))


def _edit_run(
    steps: list[Step],
    latents: Tensor,
    acted: tuple[tuple[str, ...], ...],
    edit: EditSettings,
    blend: Blender | None,
) -> EditRun:
    controlled = _controlled(steps)
    if blend is None:
        return EditRun(latents, acted, controlled, None, ())
    masks = blend.finish()
    shares = masks[:, -1].float().mean(dim=(1, 2)).tolist()
    lines = zip(acted, blend.describe(), shares, strict=True)
    held = tuple((*line, f"only {where}, {share:.0%} of the picture") for line, where, share in lines)
    whole = [target for target, share in zip(edit.targets, shares, strict=True) if share == 1]
    warnings = (f"the blend lets all of '{target}' change; raise its threshold to hold more still" for target in whole)
    return EditRun(latents, held, controlled, masks, tuple(warnings))


def _text(
    adapter: Adapter, settings: GenerationSettings, targets: tuple[str, ...], source: Tensor | None = None
) -> Conditioning:
    for prompt in (settings.prompt, settings.negative_prompt, *targets):
        adapter.tokenize(prompt)  # raises for one that does not fit, before anything runs
    first = adapter.encode(settings.prompt) if source is None else source
    return Conditioning((first, *map(adapter.encode, targets)), adapter.encode(settings.negative_prompt))


def _denoise(
    adapter: Adapter,
    settings: GenerationSettings,
    noise: Tensor,
    text: Conditioning,
    branches: range | tuple[int, ...],
    on_step: OnStep | None,
    *,
    plan: EditPlan | None = None,
    kept: Replay | None = None,
    record_to: SourceTape | None = None,
    watches: Sequence[Watch] = (),
    blend: Blender | None = None,
) -> list[Step]:
    solver = adapter.solver(settings.num_inference_steps)
    steps = []
    for step in denoise(
        adapter,
        solver,
        noise,
        text,
        branches,
        settings.guidance_scale,
        plan=plan,
        kept=kept,
        record_to=record_to,
        watches=watches,
        blend=blend,
    ):
        steps.append(step)
        if on_step is not None:
            on_step(step.index + 1, settings.num_inference_steps if kept is None else kept.num_steps)
    return steps


def _controlled(steps: list[Step]) -> int:
    controlled = sum(step.controlled_calls for step in steps)
    if not controlled:
        raise ControlError("the edit controlled no attention call, so the result would be a plain picture")
    return controlled
