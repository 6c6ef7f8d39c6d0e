"""`h-edit`: an edit as a difference beside the source's own step (Nguyen et al. 2025, h-Edit, arXiv 2503.02187)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.inversion.edit_friendly import EditFriendly
from wordbrush.inversion.method import Inversion, check_reads_negative, check_skip
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape


@dataclass(frozen=True, eq=False)
class Difference(Steering):
    """A target takes the step of `base` with what its latents are to the source's prompt, and is moved by how the two
    prompts differ there.

    The source's share of the difference is guided by `part` of the target's scale. A step that is not guided is that
    of `base` alone: what it would add of the source it would take away again.
    """

    base: Steering
    part: float

    def compares(self, *, guided: bool) -> bool:
        """With the source's prompt, at the targets' latents."""
        return guided

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """Equations 22 to 24 of the paper in one step of the base: the coefficient of the difference is that of the
        prediction.
        """
        if predicted.source is None:
            return self.base.advance(solver, step, timestep, predicted, latents)
        difference = predicted.guided() - predicted.guided_source(self.part * predicted.guidance_scale)
        moved = replace(predicted, positive=predicted.source + difference, negative=None)
        return self.base.advance(solver, step, timestep, moved, latents)

    def tensors(self) -> dict[str, Tensor]:
        """Those of the base."""
        return self.base.tensors()


def check_part(source_guidance_part: float) -> None:
    """Raise `SettingsError` unless it is a part, from 0 to 1."""
    if not 0 <= source_guidance_part <= 1:
        raise SettingsError(
            f"source_guidance_part is {source_guidance_part}; give a part of guidance_scale, from 0 to 1, such as 0.9"
        )


@dataclass(frozen=True)
class HEdit(Inversion):
    """The picture is inverted as by `edit-friendly`, with the source's prompt unguided. An edit takes the step that
    leads the source along its path, from its own latents, and adds the difference between its guided prediction and
    that of the source's prompt, both for its own latents and beside one prediction with the negative text.

    This is the paper's explicit form with random inversion (h-Edit-R). What the prompts have in common is guided less
    than what they differ in, so that an edit shows more at the same `guidance_scale`. It costs one more row for each
    target in each guided step.

    - `skip`: the fraction of the steps to leave out, from the noisiest, from 0 to below 1. Default: 0, as published
      with attention control; with text alone 0.3 is published (15 of 50 steps).
    - `source_guidance_part`: how strongly the source's prediction in the difference is guided, as a part of the edits'
      `guidance_scale`, from 0 to 1. With 1, an edit whose prompt is the source's gives the source back. Default: 2/3,
      as published (5 beside 7.5).

    Raises `SettingsError` for a value outside of its range.

    >>> HEdit(source_guidance_part=1.0)
    HEdit(skip=0.0, source_guidance_part=1.0)
    """

    skip: float = 0.0
    source_guidance_part: float = 2 / 3

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        check_skip(self.skip)
        check_part(self.source_guidance_part)

    def invert(self, task: InversionTask) -> Replay:
        """One model call of one row for each step that is not skipped."""
        replay = self._base().invert(task)
        return replace(replay, steering=Difference(replay.steering, self.source_guidance_part))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """Those of edit-friendly inversion."""
        return self._base().shapes(num_steps, latents, text)

    def steering(self, tensors: Mapping[str, Tensor]) -> Difference:
        """Build the noise maps and the difference again."""
        return Difference(self._base().steering(tensors), self.source_guidance_part)

    def check(
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """The two predictions share that of the negative text, so there must be one."""
        check_reads_negative("h-edit", guidance)

    def _base(self) -> EditFriendly:
        return EditFriendly(self.skip, source_guidance_scale=1.0)
