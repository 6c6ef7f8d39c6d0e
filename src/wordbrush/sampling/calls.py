"""The model calls of one batch: a single one, or more where a family's guidance runs negative rows by themselves, or
where branches have LoRAs of their own.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from wordbrush.attention.batch import BatchLayout
from wordbrush.sampling.adapter import Control, Prediction, Predictor
from wordbrush.sampling.conditioning import StepLoras
from wordbrush.sampling.deep_features import DeepStep
from wordbrush.sampling.place import Place
from wordbrush.sampling.region_steps import RegionStep
from wordbrush.sampling.text import Text

ControlOf = Callable[[BatchLayout], Control]
"""The control of a call with the rows of a layout."""


def predict_rows(
    model: Predictor,
    layout: BatchLayout,
    latents: Tensor,
    timestep: Tensor,
    texts: Sequence[Text],
    guidance_scale: float,
    control_of: ControlOf | None,
    reuse: DeepStep | RegionStep | None = None,
    loras: StepLoras | None = None,
    place: Place | None = None,
) -> Prediction:
    """The prediction of latents (rows, C, h, w) with a text for each row of `layout`; with no `control_of` plain.

    `reuse` is what is kept, or re-used. Negative rows that run by themselves are not controlled: only what
    a U-Net's decoder gives acts in them. Where the source has other `loras` than its targets, its rows run first, in
    a call of their own. `place` is where in its schedule the step is.
    """
    groups = (layout,) if loras is None else loras.groups(layout)
    parts = [part for group in groups for part in (group.parts() if model.guidance.apart else (group,))]
    predictions, controlled = [], 0
    for number, part in enumerate(parts):
        at = [layout.position(row) for row in part.rows]
        given = latents if len(parts) == 1 else latents[at]
        text = Text.cat([texts[i] for i in at])
        control = None if control_of is None or not part.branches else control_of(part)
        kept = None if reuse is None else reuse.call(number, part)
        with nullcontext() if loras is None else loras.scope(part.rows[0].branch):
            prediction, count = model.predict(given, timestep, text, control, guidance_scale, kept, place)
        predictions.append(prediction)
        controlled += count
    if len(parts) == 1:
        return predictions[0], controlled
    rows = [row for part in parts for row in part.rows]
    return torch.cat(predictions)[[rows.index(row) for row in layout.rows]], controlled
