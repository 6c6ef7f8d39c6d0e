"""The one sampling loop (report, algorithm 1): all branches of an edit side by side, step by step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Watch
from wordbrush.edits.plan import EditPlan, StepEdit
from wordbrush.sampling.adapter import Predictor
from wordbrush.sampling.blender import Blender
from wordbrush.sampling.calls import ControlOf, predict_rows
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import PLAIN, Predicted
from wordbrush.sampling.text import Text

OnStep = Callable[[int, int], None]
"""Called after each step with the number of steps done and the total."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The text of every branch, one row each: `positive[b]` is branch b's prompt, the source first; `negative` is
    shared.
    """

    positive: tuple[Text, ...]
    negative: Text


@dataclass(frozen=True, eq=False)
class Step:
    """One finished step: the latents (branches, C, h, w) after it, and its number of controlled attention calls."""

    index: int
    latents: Tensor
    controlled_calls: int


@dataclass(frozen=True, eq=False)
class Run:
    """What a run does, apart from its noise and its steps.

    Branch 0 is the source. If it is not among `branches`, `kept` takes its place: with its recorded queries and keys,
    or, at steps that are not recorded, by running its prompt once more from its kept latents. The run then has the
    steps of `kept`, and its steering. `record_to` records the source's attention. `watches` receive the maps that they
    ask for, without changing the latents. `blends` are watches too, and hold a part of each step's latents to the
    source's.
    """

    text: Conditioning
    branches: Sequence[int]
    guidance_scale: float
    plan: EditPlan | None = None
    kept: Replay | None = None
    record_to: SourceTape | None = None
    watches: Sequence[Watch] = ()
    blends: Sequence[Blender] = ()


def denoise(model: Predictor, solver: Solver, start: Tensor, run: Run) -> Iterator[Step]:
    """Denoise a run's branches from the same latents (1, C, h, w). Yields after every step."""
    kept, guidance, scale = run.kept, model.guidance, run.guidance_scale
    watches = [*run.watches, *run.blends]
    latents = start.expand(len(run.branches), -1, -1, -1)
    guided = guidance.has_negative(scale)
    steering = PLAIN if kept is None else kept.steering
    for index, timestep in enumerate(solver.timesteps if kept is None else kept.timesteps(solver)):
        edit = run.plan.at(index) if run.plan is not None else None
        replay = SOURCE not in run.branches and kept is not None and _needs_replay(edit, watches, kept.tape, index)
        negative = replay and guided and edit is not None and edit.reads_content
        layout = BatchLayout.of(run.branches, guided=guided, replayed_source=replay, replayed_negative=negative)
        rows = _rows(layout, run.branches, latents, None if kept is None else kept.latents[index])
        recording = run.record_to if run.record_to is not None and run.record_to.start_step() else None
        control_of: ControlOf | None = None
        if recording is not None or watches or (edit is not None and edit.acts):
            tape = kept.tape if kept else None
            control_of = partial(StepControl, index, edit=edit, tape=tape, record_to=recording, watches=watches)
        texts = _texts(run.text, steering.negative(index, run.text.negative), layout)
        seen = solver.model_input(rows, timestep)
        prediction, controlled = predict_rows(model, layout, seen, timestep, texts, scale, control_of)
        predicted = Predicted(
            prediction[layout.positions(run.branches, conditional=True)],
            prediction[layout.positions(run.branches, conditional=False)] if guided else None,
            guidance,
            scale,
        )
        latents = steering.advance(solver, index, timestep, predicted, latents)
        for blend in run.blends:
            latents = _blended(blend, index, latents, run.branches, kept)
        yield Step(index, latents, controlled)


def _rows(layout: BatchLayout, branches: Sequence[int], latents: Tensor, source: Tensor | None) -> Tensor:
    """The latents (B, C, h, w) of each row: its branch's, or the kept ones of a source that is not denoised here."""
    place = {branch: i for i, branch in enumerate(branches)}
    if SOURCE not in place and source is not None:
        latents, place[SOURCE] = torch.cat([latents, source]), len(latents)
    return latents[[place[row.branch] for row in layout.rows]]


def _blended(blend: Blender, step: int, latents: Tensor, branches: Sequence[int], kept: Replay | None) -> Tensor:
    if SOURCE in branches:
        source = latents[:1]
    else:
        assert kept is not None  # a blend needs the source's latents
        source = kept.latents[step + 1]
    rows = [branches.index(branch) for branch in blend.branches]
    blended = latents.clone()
    blended[rows] = blend.after_step(step, latents[rows], source)
    return blended


def _texts(conditioning: Conditioning, negative: Text, layout: BatchLayout) -> list[Text]:
    return [conditioning.positive[row.branch] if row.conditional else negative for row in layout.rows]


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
