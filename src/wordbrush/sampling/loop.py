"""The one sampling loop (report, algorithm 1): all branches of an edit side by side, step by step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE, BatchLayout, BatchRow
from wordbrush.attention.control import StepControl
from wordbrush.attention.just_made import JustMade
from wordbrush.attention.region import Region, RegionTape
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Watch
from wordbrush.edits.plan import EditPlan, StepEdit
from wordbrush.edits.shortcuts import EXACT, Shortcuts
from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.sampling.adapter import Prediction, Predictor
from wordbrush.sampling.blender import Blender, SourceLatents
from wordbrush.sampling.conditioning import BranchLoras, Conditioning, StepLoras
from wordbrush.sampling.deep_features import DeepCache
from wordbrush.sampling.negative_rows import NegativeRows
from wordbrush.sampling.place import Place
from wordbrush.sampling.region_steps import RegionSteps
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import PLAIN, Predicted
from wordbrush.sampling.text import Text
from wordbrush.sampling.together import Asked, predict_together

OnStep = Callable[[int, int], None]
"""Called after each step with the number of steps done and the total. One that is also `Looking` sees the latents."""


@runtime_checkable
class Looking(Protocol):
    """Who wants to see a picture while it is made."""

    def look(self, clean: Tensor, /) -> None:
        """The finished latents (branches, C, h, w) as a step expects them; called after each step."""
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """One finished step: the latents (branches, C, h, w) after it, its number of controlled attention calls,
    whether it was whole or computed a region alone, whether its source ran in a call of its own, and the predictions
    (branches, C, h, w) with the negative text, if it is guided.
    """

    index: int
    latents: Tensor
    controlled_calls: int
    whole: bool = True
    apart: bool = False
    negative: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """What a run does, apart from its noise and its steps.

    Branch 0 is the source. If it is not among `branches`, `kept` takes its place: with its recorded queries and keys,
    or, at steps that are not recorded, by running its prompt once more from its kept latents. The run then has the
    steps of `kept`, and its steering. `record_to` records the source's attention. `watches` receive the maps that they
    ask for, without changing the latents. `blends` are watches too, and hold a part of each step's latents to the
    source's. `looking` is shown what each step expects.

    All branches are guided in the steps of `guidance_interval`, a part of the whole schedule. Targets of a kept source
    may begin with its latents before the step `first`. Of `fast` the rest counts: rows with the negative text are
    computed at one of `negative_interval` guided steps; at steps that nothing controls, deep features at one of
    `cache_interval` steps; once the blends have found where all targets change, one of
    `region_interval` steps is whole, and the others compute that region alone, grown by `region_halo` latent cells,
    where deep features are computed at one of `region_cache_interval` steps that nothing controls.

    With `loras` source and targets have weights of their own, and their texts are those that `loras` holds.
    """

    text: Conditioning
    branches: Sequence[int]
    guidance_scale: float
    plan: EditPlan | None = None
    kept: Replay | None = None
    record_to: SourceTape | None = None
    watches: Sequence[Watch] = ()
    blends: Sequence[Blender] = ()
    looking: Looking | None = None
    guidance_interval: Window = EVERY_STEP
    first: int = 0
    fast: Shortcuts = EXACT
    loras: BranchLoras | None = None


def denoise(model: Predictor, solver: Solver, start: Tensor, run: Run) -> Iterator[Step]:
    """Denoise a run's branches from the same latents (1, C, h, w); yields after every step."""
    for steps in denoise_together(model, [solver], [start], [run]):
        yield steps[0]


def denoise_together(
    model: Predictor,
    solvers: Sequence[Solver],
    starts: Sequence[Tensor],
    runs: Sequence[Run],
    pictures: int | None = None,
) -> Iterator[list[Step]]:
    """Denoise several runs of one schedule and one guidance in one batch, each with a solver and latents
    (1, C, h, w) of its own; yields after every step that of each run.

    With `pictures` each model call has the rows of so many, and the spare ones come to nothing: in calls of one shape
    it does not show in a run's last bit what runs beside it.
    """
    running = [_Running(model, *each) for each in zip(solvers, starts, runs, strict=True)]
    for index in range(runs[0].first, len(running[0].timesteps)):
        steps = [one.ask(index) for one in running]
        answers = predict_together(model, [step.asked for step in steps], runs[0].guidance_scale, pictures)
        yield [one.answer(step, answer) for one, step, answer in zip(running, steps, answers, strict=True)]


@dataclass(frozen=True, eq=False)
class _AskedStep:
    """A step between what a run asks of the model and the answer.

    The network is `shown` latents (branches, C, h, w), and computes a `region` of them alone, or all. A `guided` step
    computes rows with the negative text; at one that `rests` what was last computed stands for them, and
    a source's `first_negative` (1, C, h, w) is the targets' own. Targets may be `compared` with the source's prompt.
    The source may run `apart`, in a call of its own.
    """

    index: int
    asked: Asked
    shown: Tensor
    region: Region | None
    guided: bool
    rests: bool
    first_negative: Tensor | None
    compared: bool
    apart: bool


class _Running:
    """A run between its steps: what it asks of the model, and what it makes of the answer."""

    def __init__(self, model: Predictor, solver: Solver, start: Tensor, run: Run) -> None:
        self._steering = PLAIN if run.kept is None else run.kept.steering
        self._guidance, self._solver, self._run = model.guidance, solver, run
        begins = start if run.kept is None else run.kept.latents[run.first]
        self._latents = begins.expand(len(run.branches), -1, -1, -1)
        # A steering that compares takes its step from all predictions of the same latents.
        compares = self._steering.compares(guided=True)
        self._negative_rows = NegativeRows(1 if compares else run.fast.negative_interval)
        self._cache, self._region_cache = DeepCache(run.fast.cache_interval), DeepCache(run.fast.region_cache_interval)
        latent_size = start.shape[-2], start.shape[-1]
        self._regions = RegionSteps(model, latent_size, run.fast, run.blends, run.branches)
        self.timesteps = solver.timesteps if run.kept is None else run.kept.timesteps(solver)
        self._skipped = len(solver.timesteps) - len(self.timesteps)
        self._guided_steps = model.guidance.guided_steps(
            run.guidance_scale, run.guidance_interval, len(solver.timesteps)
        )

    def ask(self, index: int) -> _AskedStep:
        """A step, with the model call that it needs."""
        run, kept = self._run, self._run.kept
        guides = self._skipped + index in self._guided_steps
        rests = guides and self._negative_rows.rest
        edit = run.plan.at(index) if run.plan is not None else None
        first_negative = self._of_source(index, edit) if guides else None
        guided = guides and not rests and first_negative is None
        acts = edit is not None and edit.acts
        compared = self._steering.compares(guided=guided)
        plain = BatchLayout.of(run.branches, guided=guided, compared=compared)
        region = self._region(index, edit, plain)
        cache = self._cache if self._regions.idle else self._region_cache
        controlled = acts or not (self._regions.idle or region)  # a whole step refreshes what is around a region
        free = not (controlled or self._looks(index))
        finds_words = any(blend.finds_words(index) for blend in run.blends)  # by this step's maps too
        reuses = free and not finds_words and cache.reuses(plain, self._texts(index, plain))
        watches = [] if region or reuses else [*run.watches, *run.blends]
        layout = self._layout(index, edit, watches, guided=guided, compared=compared)
        shown = self._steering.shown(index, self._latents)
        rows = _rows(layout, run.branches, shown, None if kept is None else kept.latents[index])
        loras = None if run.loras is None else run.loras.at(index)
        apart = loras is not None and len(loras.groups(layout)) == 2
        control_of = self._control_of(index, edit, watches, region, loras, apart=apart)
        texts, timestep = self._texts(index, layout), self.timesteps[index]
        deep = cache.step(layout, texts, controlled=controlled, reuses=reuses)
        reuse = deep if self._regions.idle else self._regions.step(index, layout, region, deep)
        seen = self._solver.model_input(rows, timestep)
        place = Place(self._skipped + index, len(self._solver.timesteps))
        asked = Asked(layout, seen, timestep, texts, control_of, reuse, loras, place)
        return _AskedStep(index, asked, shown, region, guided, rests, first_negative, compared, apart)

    def _layout(
        self, index: int, edit: StepEdit | None, watches: Sequence[Watch], *, guided: bool, compared: bool
    ) -> BatchLayout:
        """The rows of a step; among them a kept source's, if the step needs more of it than its tape holds."""
        run, kept = self._run, self._run.kept
        replay = SOURCE not in run.branches and kept is not None and _needs_replay(edit, watches, kept.tape, index)
        return BatchLayout.of(
            run.branches,
            guided=guided,
            compared=compared,
            replayed_source=replay,
            replayed_negative=replay and guided and edit is not None and edit.reads_content,
        )

    def _control_of(
        self,
        index: int,
        edit: StepEdit | None,
        watches: Sequence[Watch],
        region: Region | None,
        loras: StepLoras | None,
        *,
        apart: bool,
    ) -> Callable[[BatchLayout], StepControl] | None:
        """What acts on the attention of a step's calls, looks at it or records it; None if nothing does."""
        run, weights = self._run, None if loras is None else loras.of(SOURCE)
        recording = run.record_to if run.record_to is not None and run.record_to.start_step(weights) else None
        if recording is None and not watches and not (edit is not None and edit.acts):
            return None
        if apart:
            return _Apart(index, edit, watches)
        tape = run.kept.tape if run.kept else None
        read = RegionTape(tape, region) if tape and region else tape
        return partial(StepControl, index, edit=edit, tape=read, record_to=recording, watches=watches)

    def _of_source(self, index: int, edit: StepEdit | None) -> Tensor | None:
        """What the source predicted with the negative text, where that is the targets' own prediction."""
        run, kept = self._run, self._run.kept
        if index or kept is None or not run.fast.source_negative or run.loras is not None:
            return None
        if self._steering.compares(guided=True):
            return None
        if edit is not None and any(its.negative_maps or its.content or its.features for its in edit.borrowed):
            return None
        return None if self._regions.holds(index) and run.fast.negative_interval == 1 else kept.first_negative

    def _region(self, index: int, edit: StepEdit | None, plain: BatchLayout) -> Region | None:
        """What a step computes alone. It is whole where a user looks, where the source runs beside the targets, and
        where an edit treats parts of the picture apart.
        """
        run = self._run
        if self._looks(index) or (edit is not None and edit.acts and edit.acts_in_parts):
            return None
        if run.kept is None or _needs_replay(edit, (), run.kept.tape, index):
            return None
        return self._regions.region(index, plain)

    def _looks(self, index: int) -> bool:
        """Whether a user looks at a step's maps; a blend keeps its region where none are computed."""
        run = self._run
        return any(watch.asks(index, branch) for watch in run.watches for branch in (SOURCE, *run.branches))

    def _texts(self, index: int, layout: BatchLayout) -> list[Text]:
        """The text of each row."""
        return [self._text(index, row) for row in layout.rows]

    def _text(self, index: int, row: BatchRow) -> Text:
        run = self._run
        if row.as_source:
            assert run.kept is not None  # it is the kept source's steering that compares
            return run.kept.text
        its = run.text if run.loras is None else run.loras.at(index).text(row.branch)
        if row.conditional:
            return its.positive[row.branch]
        assert its.negative is not None  # guided steps alone have such rows
        return self._steering.negative(index, its.negative)

    def answer(self, step: _AskedStep, answer: Prediction) -> Step:
        """The step that it takes by the answer to what it asked."""
        run, layout, timestep = self._run, step.asked.layout, step.asked.timestep
        prediction, controlled = answer
        positive = prediction[layout.positions(run.branches, conditional=True)]
        predicted = Predicted(
            positive,
            self._negative(step, prediction, positive),
            self._guidance,
            run.guidance_scale,
            prediction[layout.compared(run.branches)] if step.compared else None,
        )
        latents = self._steering.advance(self._solver, step.index, timestep, predicted, self._latents)
        if run.blends:
            latents = self._blended(step, latents)
        if run.looking is not None:
            run.looking.look(self._expected(step, predicted, latents))
        self._latents = latents
        return Step(step.index, latents, controlled, step.region is None, step.apart, predicted.negative)

    def _negative(self, step: _AskedStep, prediction: Tensor, positive: Tensor) -> Tensor | None:
        """The predictions with the negative text: computed, or what stands for them; None without guidance."""
        if step.rests:
            return self._negative_rows.stood_for(positive)
        if step.first_negative is not None:
            return self._negative_rows.computed(positive, step.first_negative.expand_as(positive))
        if not step.guided:
            return None
        rows = step.asked.layout.positions(self._run.branches, conditional=False)
        return self._negative_rows.computed(positive, prediction[rows])

    def _blended(self, step: _AskedStep, latents: Tensor) -> Tensor:
        """Latents after a step, (branches, C, h, w), of which blends hold a part to the source's."""
        run, signal = self._run, self._solver.rates_after(step.asked.timestep).signal
        if SOURCE in run.branches:
            source = SourceLatents(latents[:1], signal, None)
        else:
            assert run.kept is not None  # a blend needs the source's latents
            source = SourceLatents(run.kept.latents[step.index + 1], signal, run.kept.latents[-1])
        if step.region is not None and run.fast.early_interval > 1:  # elsewhere nothing was computed
            inside = step.region.over((latents.shape[-2], latents.shape[-1])).to(latents.device)
            latents = torch.where(inside, latents, source.now)
        blended = latents.clone()
        for blend in run.blends:
            rows = [run.branches.index(branch) for branch in blend.branches]
            blended[rows] = blend.after_step(step.index, latents[rows], source)
        return blended

    def _expected(self, step: _AskedStep, predicted: Predicted, latents: Tensor) -> Tensor:
        """The finished latents (branches, C, h, w), if all that is left to take from `latents` after this step is the
        noise that it found.
        """
        noise = self._solver.split(predicted.guided(), step.asked.timestep, step.shown).noise
        after = self._solver.rates_after(step.asked.timestep)
        return (latents - after.noise * noise) / after.signal


class _Apart:
    """The controls of a step whose source runs in a call of its own: what the targets take of it, it leaves there."""

    def __init__(self, step: int, edit: StepEdit | None, watches: Sequence[Watch]) -> None:
        self._step, self._edit, self._watches = step, edit, watches
        self._made = JustMade(frozenset() if edit is None else edit.self_layers)

    def __call__(self, layout: BatchLayout) -> StepControl:
        """The control of the source's call, then of the targets'."""
        if layout.has_source():
            return StepControl(self._step, layout, None, record_to=self._made, watches=self._watches)
        return StepControl(self._step, layout, self._edit, self._made, watches=self._watches, source_shown=True)


def _rows(layout: BatchLayout, branches: Sequence[int], latents: Tensor, source: Tensor | None) -> Tensor:
    """The latents (B, C, h, w) of each row: its branch's, or the kept ones of a source that is not denoised here."""
    place = {branch: i for i, branch in enumerate(branches)}
    if SOURCE not in place and source is not None:
        latents, place[SOURCE] = torch.cat([latents, source]), len(latents)
    return latents[[place[row.branch] for row in layout.rows]]


def _needs_replay(edit: StepEdit | None, watches: Sequence[Watch], tape: SourceTape | None, step: int) -> bool:
    """Whether the source's row must run: this step needs something from the source that the tape does not hold."""
    if edit is not None and (edit.reads_content or edit.features):
        return True  # a tape holds only queries and keys
    asked = [watch.self_max_pixels for watch in watches if watch.asks(step, SOURCE)]
    layers: frozenset[str] = frozenset()
    if edit is not None and edit.uses_source:
        asked.append(0)
        layers = edit.self_layers
    return bool(asked) and (tape is None or not tape.covers(step, self_max_pixels=max(asked), self_layers=layers))
