"""`fixed-point`: makes each step back self-consistent, for few steps (Pan et al. 2023; Garibi et al. 2024)."""

from dataclasses import dataclass
from typing import ClassVar

from wordbrush.errors import SettingsError
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.path import fixed_point
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay


@dataclass(frozen=True)
class FixedPoint(Inversion):
    """A step back needs the noise of latents that are not known yet. Here the network is asked again, with its own
    result.

    This is the fixed-point iteration of Pan et al. 2023 (AIDI, arXiv 2309.04907) and the renoising of Garibi et al.
    2024 (ReNoise, arXiv 2403.14602). It stops early where it has converged or would diverge. The source is what
    sampling without guidance makes of the noise, so how well the source comes back shows how well the iteration
    converged.

    - `num_iterations`: the maximum number of iterations for each step, from 1 to 100. Default: 5.

    Raises `SettingsError` for a value outside of its range.

    >>> FixedPoint(num_iterations=3)
    FixedPoint(num_iterations=3)
    """

    retraces: ClassVar[bool] = True

    num_iterations: int = 5

    def __post_init__(self) -> None:
        """Check the number. Raises `SettingsError`."""
        if not 1 <= self.num_iterations <= 100:
            raise SettingsError(f"num_iterations is {self.num_iterations}; give 1 to 100, such as 5")

    def invert(self, task: InversionTask) -> Replay:
        """At most `num_iterations` + 1 model calls for each step back, one for each step forward, all of one row."""
        tick = task.ticker(2 * len(task.timesteps))
        latents = task.latents
        for timestep in task.timesteps.flip(0):
            latents = fixed_point(task, latents, timestep, self.num_iterations)
            tick()
        return task.sample(latents, 1.0, tick)
