"""The model calls of one batch: a single one, or two where a family's guidance runs negative rows by themselves."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wordbrush.attention.batch import BatchLayout
from wordbrush.sampling.adapter import Control, Prediction, Predictor
from wordbrush.sampling.deep_features import DeepStep
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
) -> Prediction:
    """The prediction of latents (rows, C, h, w) with a text for each row of `layout`; with no `control_of` plain.

    `reuse` is what is kept, or re-used. Negative rows that run by themselves are not controlled: only what
    a U-Net's decoder gives acts in them.
    """
    parts = layout.parts() if model.guidance.apart else (layout,)
    if len(parts) == 1:
        control = None if control_of is None else control_of(layout)
        kept = None if reuse is None else reuse.call(0, layout)
        return model.predict(latents, timestep, Text.cat(texts), control, guidance_scale, kept)
    predictions, controlled = [], 0
    for number, part in enumerate(parts):
        at = [layout.position(row) for row in part.rows]
        text = Text.cat([texts[i] for i in at])
        control = None if control_of is None or not part.branches else control_of(part)
        kept = None if reuse is None else reuse.call(number, part)
        prediction, count = model.predict(latents[at], timestep, text, control, guidance_scale, kept)
        predictions.append(prediction)
        controlled += count
    rows = [row for part in parts for row in part.rows]
    return torch.cat(predictions)[[rows.index(row) for row in layout.rows]], controlled
