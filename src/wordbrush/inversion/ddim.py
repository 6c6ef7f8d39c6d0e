"""`ddim`: DDIM inversion, then plain sampling (Song et al. 2021, arXiv 2010.02502)."""

from dataclasses import dataclass
from typing import ClassVar

from wordbrush.inversion.method import Inversion
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay


@dataclass(frozen=True)
class DDIMInversion(Inversion):
    """DDIM inversion with the source's text alone; the source is what guided sampling makes of the noise that it
    finds.

    Guidance multiplies the small error of each step, so the picture drifts. Without guidance (`guidance_scale` 1) it
    comes back better the more steps there are (Mokady et al. 2023, arXiv 2211.09794, section 3.1). It has no settings.

    >>> from wordbrush.inversion.settings import InversionSettings
    >>> InversionSettings.parse("ddim", {}).build()
    DDIMInversion()
    """

    retraces: ClassVar[bool] = True

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step back, and one for each step forward."""
        tick = task.ticker(2 * len(task.timesteps))
        return task.sample(ddim_path(task, tick)[0], task.guidance_scale, tick)
