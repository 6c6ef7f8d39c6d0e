"""What a way of inverting is: frozen settings, a path to noise, and how a kept one is built again."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.steering import PLAIN, Steering

Shape = tuple[int, ...]


class Inversion(ABC):
    """A method with its settings, which are the fields of a frozen dataclass."""

    needs_prompt: ClassVar[bool] = False
    """Whether it works with the source's text itself, so that an empty prompt leaves it nothing to do."""

    @abstractmethod
    def invert(self, task: InversionTask) -> Replay:
        """Find what edits of the task's picture need."""

    def shapes(self, num_steps: int, latents: Shape, text: Shape) -> Mapping[str, Shape]:
        """The shapes of its steering's tensors, of so many steps on latents (1, C, h, w) with text (1, T, C)."""
        return {}

    def steering(self, tensors: Mapping[str, Tensor]) -> Steering:
        """Its steering from that one's tensors."""
        return PLAIN

    def check(self, guidance_scale: float, negative_prompt: str) -> None:  # noqa: B027 - most methods take all
        """Raise `SettingsError` for edit settings that it cannot work with."""
