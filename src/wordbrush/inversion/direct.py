"""`direct`: the source is held on its recorded path (Ju et al. 2024, PnP Inversion, arXiv 2310.01506)."""

from dataclasses import dataclass
from typing import ClassVar

from wordbrush.inversion.method import Inversion
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay


@dataclass(frozen=True)
class Direct(Inversion):
    """The source's latents at each step are those of its DDIM inversion; sampling never changes them.

    Ju et al. add the difference between the path and what sampling gives to the source's branch after each step. Here
    that branch is read from the path itself, which gives the same numbers without the rows that guidance needs.
    Nothing is optimised and nothing drifts: the picture comes back as well as the autoencoder allows. It has no
    settings.

    >>> from wordbrush.inversion.settings import InversionSettings
    >>> InversionSettings.parse("direct", {}).build()
    Direct()
    """

    retraces: ClassVar[bool] = True

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step, of one row."""
        return Replay(task.text, ddim_path(task, task.ticker(len(task.timesteps))))
