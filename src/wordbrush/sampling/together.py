"""The model calls that several runs need for one step: one call for all of them, where they can share it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.side_by_side import SideBySide
from wordbrush.sampling.adapter import Prediction, Predictor
from wordbrush.sampling.calls import predict_rows
from wordbrush.sampling.conditioning import StepLoras
from wordbrush.sampling.deep_features import DeepStep
from wordbrush.sampling.place import Place
from wordbrush.sampling.region_steps import RegionStep
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class Asked:
    """The model call that a run needs for its next step."""

    layout: BatchLayout
    rows: Tensor
    timestep: Tensor
    texts: Sequence[Text]
    control_of: Callable[[BatchLayout], StepControl] | None
    reuse: DeepStep | RegionStep | None
    loras: StepLoras | None
    place: Place


def predict_together(model: Predictor, asked: Sequence[Asked], scale: float, pictures: int | None) -> list[Prediction]:
    """The predictions of several runs' calls: of one call, unless the family runs negative rows by themselves, or
    branches have LoRAs of their own.
    """
    alone = len(asked) == 1 and pictures is None
    if alone or model.guidance.apart or any(one.loras is not None for one in asked):
        return [
            predict_rows(
                model,
                one.layout,
                one.rows,
                one.timestep,
                one.texts,
                scale,
                one.control_of,
                one.reuse,
                one.loras,
                one.place,
            )
            for one in asked
        ]
    controls = [one.control_of and one.control_of(one.layout) for one in asked]
    counts = [len(one.rows) for one in asked]
    texts = [text for one in asked for text in one.texts]
    rows = torch.cat([one.rows for one in asked])
    layout = asked[0].layout
    spare = 0 if pictures is None else pictures * len(layout.rows) // len(layout.branches) - len(rows)
    if spare:
        controls, counts, texts = [*controls, None], [*counts, spare], [*texts, *[texts[-1]] * spare]
        rows = torch.cat([rows, rows[-1:].expand(spare, -1, -1, -1)])
    control = SideBySide(controls, counts)
    answered, _ = model.predict(rows, asked[0].timestep, Text.cat(texts), control, scale, None, asked[0].place)
    answers = torch.split(answered, counts)[: len(asked)]
    return list(zip(answers, control.controlled[: len(asked)], strict=True))
