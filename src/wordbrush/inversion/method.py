"""What an inversion method provides: frozen settings, a path to noise, and how a kept inversion is built again."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.steering import PLAIN, Steering
from wordbrush.sampling.text import Shape


class Inversion(ABC):
    """A method. Its settings are the fields of a frozen dataclass."""

    needs_prompt: ClassVar[bool] = False
    """Whether it works on the source's text, and so can do nothing with an empty prompt."""
    retraces: ClassVar[bool] = False
    """Whether the sampler's own steps must lead back along its path, as those of one that draws noise do not."""

    @abstractmethod
    def invert(self, task: InversionTask) -> Replay:
        """Find what edits of the task's picture need."""

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The shapes of its steering's tensors by name, for `num_steps` steps on latents (1, C, h, w) and a text whose
        tensors have the shapes `text`.
        """
        return {}

    def steering(self, tensors: Mapping[str, Tensor]) -> Steering:
        """Build its steering from the steering's tensors."""
        return PLAIN

    def check(  # noqa: B027 - most accept all
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """Raise `SettingsError` for edit settings or a guidance that it cannot work with."""

    def check_guides_in_parts(self) -> None:  # noqa: B027 - most have a schedule
        """Raise `SettingsError` unless it has a schedule, in a part of which a ControlNet can act."""


def check_skip(skip: float) -> None:
    """Raise `SettingsError` unless `skip` is a fraction of the steps, from 0 to below 1."""
    if not 0 <= skip < 1:
        raise SettingsError(f"skip is {skip}; give the fraction of the steps to skip, from 0 to below 1")


def check_source_guidance(source_guidance_scale: float) -> None:
    """Raise `SettingsError` unless the source's guidance scale is from 0 to below 100."""
    if not 0 <= source_guidance_scale < 100:
        raise SettingsError(f"source_guidance_scale is {source_guidance_scale}; give a number from 0 to below 100")


def check_reads_negative(method: str, guidance: Guidance) -> None:
    """Raise `SettingsError` if the network never reads a negative text, however high the guidance scale."""
    if not guidance.has_negative(math.inf):
        raise SettingsError(
            f"method '{method}' works on the negative text, and this model's guidance reads none; use another method"
        )
