"""`uni-edit`: a flow taken back by corrected steps, and edits led by the difference of two prompts where they differ
(Jiao et al. 2025, UniEdit-Flow, arXiv 2504.13109).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.inversion.flow_path import flow_levels
from wordbrush.inversion.method import Inversion, check_skip
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering


@dataclass(frozen=True, eq=False)
class WhereTheyDiffer(Steering):
    """A target takes the velocity of the source's prompt, mixed with its own where the two differ (Uni-Edit), and is
    moved along their difference by `omega`, up to twice as far there.
    """

    omega: float

    def compares(self, *, guided: bool) -> bool:
        """With the source's prompt, at every step."""
        return True

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """One Euler step: of the fused velocity and of the correction (paper, algorithm 2)."""
        assert predicted.source is not None  # it compares
        width = solver.rates_after(timestep).noise - solver.rates(timestep).noise
        difference = predicted.positive - predicted.source
        where = _from_0_to_1(difference.mean(dim=1, keepdim=True))
        fused = predicted.source + where * difference
        return latents + width * (fused + self.omega * (1 + where) * difference)


@dataclass(frozen=True)
class UniEdit(Inversion):
    """The picture is taken back by steps with the velocity at their noisier end, foreseen by the last one (Uni-Inv):
    plain steps lead back along the same path. Targets start after `skip`, and are led by the difference between their
    velocity and that of the source's prompt, for the same latents; it says where they differ, too (Uni-Edit).

    An edit costs one more row for each target. `omega` stands for guidance, so `guidance_scale` must be 1 (0 for
    Z-Image).

    - `skip`: the fraction of the steps to leave out, from the noisiest, from 0 to below 1. Default: 0.4, published for
      SD3 and FLUX.1 (0.2 for larger changes), with 15 steps.
    - `omega`: how strongly targets are led, 0 or more. Default: 5, as published.

    Raises `SettingsError` for a value outside of its range.

    >>> UniEdit(skip=0.2)
    UniEdit(skip=0.2, omega=5.0)
    """

    skip: float = 0.4
    omega: float = 5.0

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        check_skip(self.skip)
        if not 0 <= self.omega < 1000:
            raise SettingsError(f"omega is {self.omega}; give a number from 0 to below 1000, such as 5")

    def invert(self, task: InversionTask) -> Replay:
        """One model call of one row for each step that is not skipped, and one more."""
        levels = flow_levels(task.solver, task.timesteps[int(self.skip * len(task.timesteps)) :])[::-1]
        tick, path = task.ticker(len(levels) - 1), [task.latents]
        velocity = task.predict(task.latents, levels[0].timestep)
        for level, noisier in pairwise(levels):
            width = noisier.noise - level.noise
            velocity = task.predict(path[-1] + width * velocity, noisier.timestep)
            path.append(path[-1] + width * velocity)
            tick()
        return Replay(task.text, tuple(path[::-1]), None, WhereTheyDiffer(self.omega))

    def steering(self, tensors: Mapping[str, Tensor]) -> WhereTheyDiffer:
        """It holds no tensors."""
        return WhereTheyDiffer(self.omega)

    def check(
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """A guidance beside `omega` would move targets twice."""
        if guidance.has_negative(guidance_scale):
            raise SettingsError(
                f"method 'uni-edit' leads edits by its omega, and guidance_scale {guidance_scale:g} would do so once "
                "more; give guidance_scale=1, or 0 to Z-Image"
            )


def _from_0_to_1(maps_B1hw: Tensor) -> Tensor:
    """Maps from their lowest to their highest value; zero where all values are one."""
    lowest, highest = maps_B1hw.amin((1, 2, 3), keepdim=True), maps_B1hw.amax((1, 2, 3), keepdim=True)
    return (maps_B1hw - lowest) / (highest - lowest).clamp_min(torch.finfo(maps_B1hw.dtype).tiny)
