"""`ddim`: DDIM inversion, then plain sampling (Song et al. 2021, arXiv 2010.02502)."""

from dataclasses import dataclass

from wordbrush.inversion.method import Inversion
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay


@dataclass(frozen=True)
class DDIMInversion(Inversion):
    """The picture is inverted with its text alone, and the source is what guided sampling makes of that noise.

    Guidance multiplies the small errors of each step, so the picture drifts; without guidance (`guidance_scale` 1) it
    comes back the better the more steps there are (Mokady et al. 2023, section 3.1).
    """

    def invert(self, task: InversionTask) -> Replay:
        """One model call a step back, and one a step forth."""
        tick = task.ticker(2 * len(task.timesteps))
        return task.sample(ddim_path(task, tick)[0], task.guidance_scale, tick)
