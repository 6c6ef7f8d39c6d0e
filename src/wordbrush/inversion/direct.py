"""`direct`: the source is held on the recorded path (Ju et al. 2024, PnP Inversion, arXiv 2310.01506)."""

from dataclasses import dataclass

from wordbrush.inversion.method import Inversion
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay


@dataclass(frozen=True)
class Direct(Inversion):
    """The source's latents at each step are those of its DDIM inversion, whatever sampling would make of them.

    Ju et al. add the difference between the two back to the source's branch after each step. Here that branch is read
    from the path itself: the same numbers, without its guidance rows. Nothing is optimised and nothing drifts; the
    picture comes back as well as the autoencoder can.
    """

    def invert(self, task: InversionTask) -> Replay:
        """One model call a step, of one row."""
        return Replay(task.text, ddim_path(task, task.ticker(len(task.timesteps))))
