"""`negative-prompt`: the source's text stands where the negative text does (Miyake et al. 2023, arXiv 2305.16807)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

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
    """Targets are guided away from the source's text, proximally if asked; `picture` (1, C, h, w)."""

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
    """Null-text inversion's optimum is about the source's own text, so that text is taken and nothing is optimised.

    Guidance then leaves the source as it is: it is sampled without, and comes back as well as DDIM inversion lets it.
    `proximal` "l0" or "l1" adds proximal guidance (Han et al. 2024); `quantile`, `recon_lr`, `recon` and `dilate`
    are its (see `Proximal`).
    """

    proximal: Literal["none", "l0", "l1"] = "none"
    quantile: float = 0.7
    recon_lr: float = 1.0
    recon: float = 0.4
    dilate: int = 1

    needs_prompt: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        if self.proximal == "none":
            replace(self, proximal="l0")  # the same checks of the other values
        else:
            self._proximal()

    def invert(self, task: InversionTask) -> Replay:
        """One model call a step back, and one a step forth, all of one row."""
        tick = task.ticker(2 * len(task.timesteps))
        replay = task.sample(ddim_path(task, tick)[0], 1.0, tick)
        return replace(replay, steering=SourceAsNegative(task.text, task.latents, self._proximal()))

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's text and the picture's latents."""
        return {**text_names(text), "picture": latents}

    def steering(self, tensors: Mapping[str, Tensor]) -> SourceAsNegative:
        """The source's text and the picture's latents again."""
        return SourceAsNegative(text_of(tensors), tensors["picture"], self._proximal())

    def check(self, guidance: Guidance, guidance_scale: float, negative_prompt: str) -> None:
        """There is no place for a negative prompt, and there must be one for the source's."""
        check_reads_negative("negative-prompt", guidance)
        if negative_prompt:
            raise SettingsError("method 'negative-prompt' puts the source prompt there; leave negative_prompt empty")

    def _proximal(self) -> Proximal | None:
        if self.proximal == "none":
            return None
        return Proximal(self.proximal, self.quantile, self.recon_lr, self.recon, self.dilate)
