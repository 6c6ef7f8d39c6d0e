"""`negative-prompt`: the source's text takes the place of the negative text (Miyake et al. 2023, arXiv 2305.16807)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.inversion.method import Inversion, check_reads_negative
from wordbrush.inversion.path import ddim_path
from wordbrush.inversion.proximal import Proximal
from wordbrush.inversion.task import InversionTask
from wordbrush.inversion.text_names import text_names, text_of, text_tensors
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape, Text


@dataclass(frozen=True, eq=False)
class SourceAsNegative(Steering):
    """Targets are guided away from the source's text, with proximal guidance if `proximal` is given.

    `picture` (1, C, h, w) holds the photograph's latents.
    """

    text: Text
    picture: Tensor
    proximal: Proximal | None

    def negative(self, step: int, negative: Text) -> Text:
        """The source's text."""
        return self.text

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """A guided step, or a proximally guided one."""
        if self.proximal is None:
            return super().advance(solver, step, timestep, predicted, latents)
        return self.proximal.advance(solver, timestep, predicted, latents, self.picture)

    def tensors(self) -> dict[str, Tensor]:
        """The source's text and the picture's latents."""
        return {**text_tensors(self.text), "picture": self.picture}


@dataclass(frozen=True)
class NegativePrompt(Inversion):
    """The source's text is used as the negative text, because null-text inversion's optimum is close to it. Nothing is
    optimised.

    The source is sampled without guidance, and comes back as well as DDIM inversion allows. `proximal` adds proximal
    guidance (Han et al. 2024, arXiv 2306.05414): only what the prompt changes most is guided. The other settings act
    only with it.

    - `proximal`: "l0" (a hard threshold), "l1" (a soft one) or "none". Default: "none".
    - `quantile`: differences below this quantile of a prediction become 0; from 0 to 1. Default: 0.7.
    - `recon_lr`: how far unchanged parts are pulled to the photograph, as a fraction from 0 to 1. Default: 1.
    - `recon`: the pull acts at timesteps below this fraction of the trained schedule; from 0 to 1. Default: 0.4.
    - `dilate`: how far the changed parts are grown before the pull, in latent cells, from 0 to 1000. Default: 1.

    Raises `SettingsError` for a value outside of its range.

    >>> NegativePrompt(proximal="l0").quantile
    0.7
    """

    proximal: Literal["none", "l0", "l1"] = "none"
    quantile: float = 0.7
    recon_lr: float = 1.0
    recon: float = 0.4
    dilate: int = 1

    needs_prompt: ClassVar[bool] = True
    retraces: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        if self.proximal == "none":
            replace(self, proximal="l0")  # checks the other values as well
        else:
            self._proximal()

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each step back, and one for each step forward, all of one row."""
        tick = task.ticker(2 * len(task.timesteps))
        replay = task.sample(ddim_path(task, tick)[0], 1.0, tick)
        return replace(replay, steering=SourceAsNegative(task.text, task.latents, self._proximal()))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's text and the picture's latents."""
        return {**text_names(text), "picture": latents}

    def steering(self, tensors: Mapping[str, Tensor]) -> SourceAsNegative:
        """Build the source's text and the picture's latents again."""
        return SourceAsNegative(text_of(tensors), tensors["picture"], self._proximal())

    def check(
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """The source's text needs the negative text's place, so there must be one, and it must be empty."""
        check_reads_negative("negative-prompt", guidance)
        if negative_prompt:
            raise SettingsError(
                "method 'negative-prompt' uses the source prompt as negative prompt; leave negative_prompt empty"
            )

    def _proximal(self) -> Proximal | None:
        if self.proximal == "none":
            return None
        return Proximal(self.proximal, self.quantile, self.recon_lr, self.recon, self.dilate)
