"""The runs there are: a source, edits of a kept source, a source with its edits side by side, and a second look."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

from PIL.Image import Image
from torch import Tensor

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.row_maps import row_maps
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Watch
from wordbrush.edits.branch_scales import BranchScales
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import EXACT
from wordbrush.errors import ControlError, SettingsError
from wordbrush.runs.chain import Following
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.loras import branch_loras, branch_scales, described, negative_text
from wordbrush.runs.planned import Planned, plan
from wordbrush.runs.regions import ThingWatch
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.blender import Blender
from wordbrush.sampling.conditioning import BranchLoras, Conditioning
from wordbrush.sampling.loop import Looking, OnStep, Run, Step, denoise, denoise_together
from wordbrush.sampling.place import Place
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Steering
from wordbrush.sampling.text import Text
from wordbrush.sampling.text_memory import TextMemory
from wordbrush.tokens.pair import Prompts

T = TypeVar("T")

_TAPE_BYTES = 1 << 30
"""The most that is recorded of a source whose edits follow it in the same call."""


@dataclass(frozen=True, eq=False)
class EditRun:
    """The latents (targets, C, h, w) of an edit before each step and after the last, what each target's edit did in
    words, and how many attention calls it controlled; with a local blend each target's masks (steps, h, w), and where
    (H, W) its edit may show in the finished picture, if things' outlines say so.
    """

    way: tuple[Tensor, ...]
    acted: tuple[tuple[str, ...], ...]
    controlled_calls: int
    blend_masks: tuple[Tensor | None, ...]
    warnings: tuple[str, ...]
    shown: tuple[Tensor | None, ...]

    @property
    def latents(self) -> Tensor:
        """The finished latents (targets, C, h, w)."""
        return self.way[-1]


def run_source(
    adapter: Adapter,
    settings: GenerationSettings,
    tape: SourceTape | None,
    on_step: OnStep | None = None,
    watches: Sequence[Watch] = (),
    solver: Solver | None = None,
) -> Replay:
    """Generate, and record on `tape` what later edits need. Raises `PromptError` for a prompt that does not fit.

    `watches` are given the maps that they ask for, here and in the other runs; `solver` is a fresh one of the
    settings, if there is one already.
    """
    _check(adapter, settings)
    solver = solver or solver_of(adapter, settings)
    text, loras = _source_text(adapter, settings, len(solver.timesteps))
    start = _start(adapter, settings, solver)
    run = Run(
        text,
        (SOURCE,),
        settings.guidance_scale,
        record_to=tape,
        watches=watches,
        looking=_looking(on_step),
        guidance_interval=settings.guided,
        loras=loras,
    )
    steps = _finished(denoise(adapter, solver, start, run), len(solver.timesteps), on_step)
    latents = start, *(step.latents for step in steps)
    return Replay(text.positive[SOURCE], latents, tape, first_negative=steps[0].negative)


def run_edit(
    adapter: Adapter,
    settings: GenerationSettings,
    edit: EditSettings,
    kept: Replay,
    on_step: OnStep | None = None,
    watches: Sequence[Watch] = (),
    prompts: Prompts | None = None,
    canvas: Image | None = None,
) -> EditRun:
    """Edit a source that ran before; only its targets run. `prompts` are the run's, if they are tokenised already, and
    `canvas` is the source's picture, if it was decoded.
    """
    planned = _located(adapter, settings, kept, plan(adapter, settings, edit, kept.num_steps, prompts))
    if kept.steering.compares(guided=True) and planned.scales is not None and planned.scales.differ:
        raise SettingsError(
            "this inversion (h-edit, uni-edit) compares both prompts in one model, and target_adapters makes two of "
            "it; use another inversion, such as edit-friendly or rf-solver"
        )
    text, loras = _text(adapter, settings, edit.targets, planned.scales, kept.text)
    branches = range(SOURCE + 1, SOURCE + 1 + len(edit.targets))
    blends, solver = planned.blenders(adapter, settings, canvas), solver_of(adapter, settings, kept)
    first = planned.first_step(edit.fast, solver, watches)
    run = Run(
        text,
        branches,
        settings.guidance_scale,
        plan=planned.edit,
        kept=kept,
        watches=watches,
        blends=blends,
        looking=_looking(on_step),
        guidance_interval=settings.guided.within(edit.fast.guided),
        first=first,
        fast=edit.fast,
        loras=loras,
    )
    steps = _finished(denoise(adapter, solver, kept.latents[0], run), kept.num_steps - first, on_step)
    before = (latents.expand_as(steps[-1].latents) for latents in kept.latents[: first + 1])
    way = (*before, *(step.latents for step in steps))
    return _edit_run(steps, way, planned, edit, blends)


def run_together(
    adapter: Adapter,
    settings: GenerationSettings,
    edit: EditSettings,
    on_step: OnStep | None = None,
    watches: Sequence[Watch] = (),
    prompts: Prompts | None = None,
    solver: Solver | None = None,
) -> tuple[Replay, EditRun]:
    """Generate a source and edit it in one batch; one after the other, if the edit must know where things are, looks
    at the source's picture, or leaves out what the source computes.
    """
    solver = solver or solver_of(adapter, settings)
    planned = plan(adapter, settings, edit, len(solver.timesteps), prompts)
    if planned.in_turn(edit.fast):
        counter = RunCounter(on_step, 2)
        tape = SourceTape(_TAPE_BYTES, edit.self_replace_max_pixels)
        kept = run_source(adapter, settings, tape, counter.next(), solver=solver)
        return kept, run_edit(adapter, settings, edit, kept, counter.next(), watches, planned.prompts)
    return _side_by_side(adapter, [Beside(settings, solver, edit, planned, watches)], on_step)[0]


def run_seeds(
    adapter: Adapter,
    settings: GenerationSettings,
    seeds: Sequence[int],
    edit: EditSettings,
    on_step: OnStep | None = None,
) -> list[tuple[Replay, EditRun]]:
    """A source and its edits for each of several seeds, all in one batch; that of `settings` does not count.

    One seed after the other, if the edit must know where things are.
    """
    each = [replace(settings, seed=seed) for seed in seeds]
    solvers = [solver_of(adapter, own) for own in each]
    planned = plan(adapter, settings, edit, len(solvers[0].timesteps))
    if planned.in_turn(edit.fast):
        counter = RunCounter(on_step, len(each))
        return [run_together(adapter, own, edit, counter.next()) for own in each]
    beside = [Beside(own, solver, edit, planned) for own, solver in zip(each, solvers, strict=True)]
    return _side_by_side(adapter, beside, on_step)


@dataclass(frozen=True, eq=False)
class Beside:
    """A source and its edits, planned, that run in a batch with others; `watches` look at them alone."""

    settings: GenerationSettings
    solver: Solver
    edit: EditSettings
    planned: Planned
    watches: Sequence[Watch] = ()


def run_side_by_side(
    adapter: Adapter,
    beside: Sequence[Beside],
    pictures: int,
    on_step: OnStep | None = None,
    texts: TextMemory | None = None,
) -> list[tuple[Replay, EditRun]]:
    """Sources of one schedule, size and guidance, each with its edits, in one batch that has the rows of `pictures`.

    Raises `SettingsError` for more pictures than these, or what cannot run in one batch.
    """
    check_batch(beside, pictures)
    return _side_by_side(adapter, beside, on_step, pictures, texts)


def check_batch(beside: Sequence[Beside], pictures: int) -> None:
    """Raise `SettingsError` for more pictures than `pictures`, or what cannot run in one batch."""
    count = sum(1 + len(one.edit.targets) for one in beside)
    if count > pictures:
        raise SettingsError(
            f"there are {count} pictures, and the batch is of {pictures}; give fewer, or a larger batch"
        )
    first = beside[0].settings
    for own in (one.settings for one in beside):
        for name in ("num_inference_steps", "height", "width", "guidance_scale", "guided", "sampler"):
            if getattr(own, name) != getattr(first, name):
                raise SettingsError(
                    f"{name} is {getattr(first, name)} and {getattr(own, name)}; pictures of one batch have the same"
                )
    for one in beside:
        if one.planned.in_turn(one.edit.fast):
            raise SettingsError(
                "an edit that must know where things are, that fills a place, that looks at its source's picture, or "
                "that is fast, runs after its source; it cannot run in one batch with others"
            )


def _side_by_side(
    adapter: Adapter,
    beside: Sequence[Beside],
    on_step: OnStep | None,
    pictures: int | None = None,
    texts: TextMemory | None = None,
) -> list[tuple[Replay, EditRun]]:
    """Sources, each with its edits, in one batch; its rows are those of `pictures`, if there are fewer."""
    memory = texts or TextMemory()
    starts = [_start(adapter, one.settings, one.solver) for one in beside]
    runs = []
    for one in beside:
        text, loras = _text(adapter, one.settings, one.edit.targets, one.planned.scales, memory=memory)
        run = Run(
            text,
            range(SOURCE, SOURCE + 1 + len(one.edit.targets)),
            one.settings.guidance_scale,
            one.planned.edit,
            watches=one.watches,
            blends=one.planned.blenders(adapter, one.settings),
            guidance_interval=one.settings.guided,
            loras=loras,
        )
        runs.append(run)
    together = denoise_together(adapter, [one.solver for one in beside], starts, runs, pictures)
    finished = _finished(together, len(beside[0].solver.timesteps), on_step)
    made = []
    for one, run, start, *steps in zip(beside, runs, starts, *finished, strict=True):
        negative = None if steps[0].negative is None else steps[0].negative[:1]
        latents = start, *(step.latents[:1] for step in steps)
        kept = Replay(run.text.positive[SOURCE], latents, None, first_negative=negative)
        targets = tuple(step.latents[1:] for step in steps)
        way = (start.expand_as(targets[-1]), *targets)
        made.append((kept, _edit_run(steps, way, one.planned, one.edit, run.blends)))
    return made


def run_along(
    adapter: Adapter,
    settings: GenerationSettings,
    way: Sequence[Tensor],
    steering: Steering,
    tape: SourceTape | None,
    on_step: OnStep | None = None,
) -> Replay:
    """A source of the settings' prompt whose latents (1, C, h, w) are known, before each step and after the last.

    At the cost of a plain picture its attention is recorded, and found what must be added to the steps of its edits,
    which otherwise are steered by `steering`.
    """
    text, loras = _source_text(adapter, settings, len(way) - 1)
    follow = Following(steering, way)
    kept = Replay(text.positive[SOURCE], tuple(way), None, follow)
    guided = settings.guided
    run = Run(
        text, (SOURCE,), settings.guidance_scale, kept=kept, record_to=tape, guidance_interval=guided, loras=loras
    )
    _finished(denoise(adapter, solver_of(adapter, settings, kept), way[0], run), kept.num_steps, on_step)
    return Replay(kept.text, kept.latents, tape, follow.own_way())


def run_again(adapter: Adapter, settings: GenerationSettings, kept: Replay, on_step: OnStep | None = None) -> Replay:
    """The plain picture of the settings' prompt from another source's noise, steered as its edits are."""
    text, loras = _source_text(adapter, settings, kept.num_steps)
    run = Run(text, (SOURCE,), settings.guidance_scale, kept=kept, guidance_interval=settings.guided, loras=loras)
    steps = _finished(
        denoise(adapter, solver_of(adapter, settings, kept), kept.latents[0], run), kept.num_steps, on_step
    )
    latents = kept.latents[0], *(step.latents for step in steps)
    return replace(kept, text=text.positive[SOURCE], latents=latents, tape=None, first_negative=steps[0].negative)


def solver_of(adapter: Adapter, settings: GenerationSettings, kept: Replay | None = None) -> Solver:
    """A fresh solver of a generation, or of the runs that follow a `kept` source.

    Raises `SettingsError` for a sampler or a number of steps that it has not.
    """
    solver = adapter.solver(
        settings.num_inference_steps,
        settings.height,
        settings.width,
        sampler=settings.sampler,
        seed=settings.seed,
    )
    return solver if kept is None else kept.steering.solver(solver)


def look_again(
    adapter: Adapter, settings: GenerationSettings, kept: Replay, watch: Watch, on_step: OnStep | None = None
) -> None:
    """Give a watch the maps of a source that ran before: from its tape, and where that ends from one model call a
    step on its kept latents, with its prompt alone.
    """
    tape = kept.tape
    solver = solver_of(adapter, settings, kept)
    loras = branch_loras(adapter, settings, (), branch_scales(adapter, settings, None, kept.num_steps))
    for step, timestep in enumerate(kept.timesteps(solver)):
        if watch.asks(step, SOURCE):
            if tape is not None and tape.covers(step, self_max_pixels=watch.self_max_pixels):
                _read_again(tape, step, watch)
            else:
                control = StepControl(step, BatchLayout.of([SOURCE], guided=False), None, watches=[watch])
                seen = solver.model_input(kept.latents[step], timestep)
                own = None if loras is None else loras.at(step)
                place = Place(len(solver.timesteps) - kept.num_steps + step, len(solver.timesteps))
                text = kept.text if own is None else own.text(SOURCE).positive[SOURCE]
                with nullcontext() if own is None else own.scope(SOURCE):
                    adapter.predict(seen, timestep, text, control, settings.guidance_scale, None, place)
        if on_step is not None:
            on_step(step + 1, kept.num_steps)


def _read_again(tape: SourceTape, step: int, watch: Watch) -> None:
    for layer, inputs, kernel in tape.calls(step):
        columns_KW = watch.columns(SOURCE, layer)
        if columns_KW is not None:
            watch.take(step, SOURCE, layer, row_maps(layer, columns_KW, inputs, kernel))


def _located(adapter: Adapter, settings: GenerationSettings, kept: Replay, planned: Planned) -> Planned:
    """A plan that knows where the things of a kept source are that it acts on."""
    if not planned.edit.things:
        return planned
    layers = adapter.attention_layers(settings.height, settings.width)
    watch = ThingWatch(planned.edit.things, planned.prompts.source.length, layers, planned.num_steps)
    look_again(adapter, settings, kept, watch)
    return replace(planned, edit=planned.edit.located(watch.regions()))


def _edit_run(
    steps: Sequence[Step],
    way: tuple[Tensor, ...],
    planned: Planned,
    edit: EditSettings,
    blends: Sequence[Blender],
) -> EditRun:
    lines = list(planned.acted)
    warnings = [note for target in planned.prompts.targets for note in target.notes]
    masks: list[Tensor | None] = [None] * len(lines)
    shown: list[Tensor | None] = [None] * len(lines)
    for blend in blends:
        found, within = blend.finish(), blend.shown
        for index, (branch, where, mask) in enumerate(zip(blend.branches, blend.describe(), found, strict=True)):
            target = branch - SOURCE - 1
            share = mask[-1].float().mean().item()
            masks[target] = mask
            shown[target] = None if within is None else within[index]
            lines[target] = (*lines[target], f"only {where}, {share:.0%} of the picture")
            if share == 1:
                warnings.append(
                    f"the blend lets all of '{edit.targets[target]}' change; raise its threshold to hold more still"
                )
    if alone := sum(not step.whole for step in steps):
        lines = [(*own, f"the region alone at {alone} of {len(steps)} steps") for own in lines]
    scales = planned.scales
    if scales is not None and scales.differ:
        apart = sum(step.apart for step in steps)
        lines = [(*own, described(edit, apart, len(steps))) for own in lines]
    if edit.fast != EXACT:
        lines = [(*own, f"fast: {edit.fast}") for own in lines]
    controlled = _controlled(steps, needed=scales is None or not scales.differ)
    return EditRun(way, tuple(lines), controlled, tuple(masks), tuple(warnings), tuple(shown))


def _check(adapter: Adapter, settings: GenerationSettings) -> None:
    """Raise for prompts that do not fit, before anything runs."""
    adapter.tokenize(settings.prompt)
    adapter.tokenize(settings.negative_prompt)


def _text(
    adapter: Adapter,
    settings: GenerationSettings,
    targets: tuple[str, ...],
    scales: BranchScales | None,
    source: Text | None = None,
    memory: TextMemory | None = None,
) -> tuple[Conditioning, BranchLoras | None]:
    """The texts of a run, and where LoRAs are named its branches' own; `source` is the source's, if it is known, and
    `memory` has those of other runs.
    """
    if (loras := branch_loras(adapter, settings, targets, scales)) is not None:
        return loras.at(0).text(SOURCE), loras
    memory = memory or TextMemory()
    first = memory.positive(adapter, settings.prompt) if source is None else source
    texts = (first, *(memory.positive(adapter, target) for target in targets))
    return Conditioning(texts, negative_text(adapter, settings, memory)), None


def _source_text(
    adapter: Adapter, settings: GenerationSettings, num_steps: int
) -> tuple[Conditioning, BranchLoras | None]:
    return _text(adapter, settings, (), branch_scales(adapter, settings, None, num_steps))


def _start(adapter: Adapter, settings: GenerationSettings, solver: Solver) -> Tensor:
    return solver.start(adapter.noise(settings.seed, settings.height, settings.width))


def _looking(on_step: OnStep | None) -> Looking | None:
    return on_step if isinstance(on_step, Looking) else None


def _finished(steps: Iterable[T], count: int, on_step: OnStep | None) -> list[T]:
    finished = []
    for done, step in enumerate(steps, start=1):
        finished.append(step)
        if on_step is not None:
            on_step(done, count)
    return finished


def _controlled(steps: Sequence[Step], *, needed: bool) -> int:
    controlled = sum(step.controlled_calls for step in steps)
    if needed and not controlled:
        raise ControlError("the edit controlled no attention call, so the result would be a plain picture")
    return controlled
