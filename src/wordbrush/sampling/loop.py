"""The one sampling loop (paper, algorithm 1): all branches of an edit, step by step, side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Watch
from wordbrush.edits.plan import EditPlan, StepEdit
from wordbrush.sampling.adapter import Predictor, Solver
from wordbrush.sampling.blender import Blender
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.steering import PLAIN, Predicted

OnStep = Callable[[int, int], None]
"""Told after each step: steps done, steps in all."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Text of every branch, source first: `positive[b]` (1, T, C) its prompt, `negative` (1, T, C) of all."""

    positive: tuple[Tensor, ...]
    negative: Tensor


@dataclass(frozen=True, eq=False)
class Step:
    """One finished step: the latents (branches, C, h, w) after it, and how many attention calls it controlled."""

    index: int
    latents: Tensor
    controlled_calls: int


def denoise(
    model: Predictor,
    solver: Solver,
    noise: Tensor,
    conditioning: Conditioning,
    branches: Sequence[int],
    guidance_scale: float,
    plan: EditPlan | None = None,
    kept: Replay | None = None,
    record_to: SourceTape | None = None,
    watches: Sequence[Watch] = (),
    blend: Blender | None = None,
) -> Iterator[Step]:
    """Denoise `branches` from the same noise (1, C, h, w); yields after every step.

    Branch 0 is the source. Where it is not among `branches`, `kept` stands for it: its recorded queries and keys, or
    its prompt run once more from its kept latents at steps that are not recorded; the run has its steps, and its
    steering of them. `watches` are given the maps that they ask for; the latents are the same with them. `blend` is
    one of them, and holds part of each step's latents to the source's.
    """
    if blend is not None:
        watches = [*watches, blend]
    latents = noise.expand(len(branches), -1, -1, -1)
    is_guided = guidance_scale > 1
    steering = PLAIN if kept is None else kept.steering
    for index, timestep in enumerate(solver.timesteps if kept is None else kept.timesteps(solver)):
        edit = plan.at(index) if plan is not None else None
        replay = SOURCE not in branches and kept is not None and _needs_replay(edit, watches, kept.tape, index)
        negative = replay and is_guided and edit is not None and bool(edit.borrowed.content)
        layout = BatchLayout.of(branches, guided=is_guided, replayed_source=replay, replayed_negative=negative)
        rows = [latents, latents] if is_guided else [latents]
        if kept is not None:
            rows += [kept.latents[index]] * (replay + negative)
        recording = record_to if record_to is not None and record_to.start_step() else None
        control = None
        if recording is not None or watches or (edit is not None and edit.acts):
            control = StepControl(index, layout, edit, kept.tape if kept else None, recording, watches)
        text = _text(conditioning, steering.negative(index, conditioning.negative), layout)
        prediction, controlled = model.predict(torch.cat(rows), timestep, text, control)
        predicted = _predicted(prediction, len(branches), guidance_scale if is_guided else None)
        latents = steering.advance(solver, index, timestep, predicted, latents)
        if blend is not None:
            latents = _blended(blend, index, latents, branches, kept)
        yield Step(index, latents, controlled)


def _predicted(prediction: Tensor, count: int, guidance_scale: float | None) -> Predicted:
    if guidance_scale is None:
        return Predicted(prediction[:count], None, 1.0)
    return Predicted(prediction[count : 2 * count], prediction[:count], guidance_scale)


def _blended(blend: Blender, step: int, latents: Tensor, branches: Sequence[int], kept: Replay | None) -> Tensor:
    if SOURCE in branches:
        return torch.cat([latents[:1], blend.after_step(step, latents[1:], latents[:1])])
    assert kept is not None  # without the source's latents there is nothing to hold to
    return blend.after_step(step, latents, kept.latents[step + 1])


def _text(conditioning: Conditioning, negative: Tensor, layout: BatchLayout) -> Tensor:
    return torch.cat([conditioning.positive[row.branch] if row.conditional else negative for row in layout.rows])


def _needs_replay(edit: StepEdit | None, watches: Sequence[Watch], tape: SourceTape | None, step: int) -> bool:
    """Whether the source's row must run: something is asked of it at this step that the tape does not hold."""
    if edit is not None and (edit.borrowed.content or edit.borrowed.features):
        return True  # a tape holds queries and keys
    asked = [watch.self_max_pixels for watch in watches if watch.asks(step, SOURCE)]
    layers: frozenset[str] = frozenset()
    if edit is not None and edit.uses_source:
        asked.append(0)
        layers = edit.borrowed.self_layers
    return bool(asked) and (tape is None or not tape.covers(step, self_max_pixels=max(asked), self_layers=layers))
