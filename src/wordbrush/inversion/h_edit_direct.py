"""`h-edit-direct`: h-Edit's difference beside the source's own DDIM step (Nguyen et al. 2025, arXiv 2503.02187)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.inversion.h_edit import Difference, check_part
from wordbrush.inversion.method import Inversion, check_reads_negative
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.own_way import OwnWay
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.steering import PLAIN
from wordbrush.sampling.text import Shape


@dataclass(frozen=True)
class HEditDirect(Inversion):
    """The source is held on its DDIM inversion as by `direct`. An edit takes the plain step of the source's prompt
    from its own latents, with what such steps miss of the source's path, and adds the difference between its guided
    prediction and that of the source's prompt, both for its own latents.

    This is the paper's explicit form with deterministic inversion (h-Edit-D). It costs one more row for each target in
    each guided step.

    - `source_guidance_part`: how strongly the source's prediction in the difference is guided, as a part of the edits'
      `guidance_scale`, from 0 to 1. With 1, an edit whose prompt is the source's gives the source back. Default: 0.9,
      as published (9 beside 10).

    Raises `SettingsError` for a value outside of its range.

    >>> HEditDirect()
    HEditDirect(source_guidance_part=0.9)
    """

    retraces: ClassVar[bool] = True

    source_guidance_part: float = 0.9

    def __post_init__(self) -> None:
        """Check the number. Raises `SettingsError`."""
        check_part(self.source_guidance_part)

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step back, and one for each step forward, all of one row."""
        tick = task.ticker(2 * len(task.timesteps))
        path = ddim_path(task, tick)
        missing = []
        for step, timestep in enumerate(task.timesteps):
            prediction = task.predict_on_path(step, path[step], timestep, 1.0)
            missing.append(path[step + 1] - task.solver.step(prediction, timestep, path[step]))
            tick()
        return Replay(task.text, path, task.tape, self._steering(torch.cat(missing)))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """What the steps miss of the path."""
        return {"missing": (num_steps, *latents[1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> Difference:
        """Build the way and the difference again."""
        return self._steering(tensors["missing"])

    def check(
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """The two predictions share that of the negative text, so there must be one."""
        check_reads_negative("h-edit-direct", guidance)

    def _steering(self, missing: Tensor) -> Difference:
        return Difference(OwnWay(PLAIN, missing), self.source_guidance_part)
