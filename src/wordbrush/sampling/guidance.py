"""How a family uses a guidance scale: with a second row for the negative text, or as an input of its network."""

from abc import ABC, abstractmethod

from torch import Tensor

from wordbrush.errors import SettingsError


class Guidance(ABC):
    """What the loop asks a family before and after a model call."""

    @abstractmethod
    def has_negative(self, scale: float) -> bool:
        """Whether this scale needs a row with the negative text for each row with a prompt."""

    @abstractmethod
    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """One prediction (B, C, h, w) from the one with the negative text and the one with the prompts."""

    def check(self, scale: float, negative_prompt: str) -> None:  # noqa: B027 - most accept all
        """Raise `SettingsError` for a negative prompt that would have no effect."""


class ClassifierFree(Guidance):
    """Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): two rows per prompt above a scale of 1."""

    def has_negative(self, scale: float) -> bool:
        """True above 1."""
        return scale > 1

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """`w * eps(prompt) + (1 - w) * eps(negative)` (report, section 2.1, equation 2).

        Written as in diffusers, so that results agree to the bit.
        """
        return negative + scale * (positive - negative)

    def check(self, scale: float, negative_prompt: str) -> None:
        """A negative prompt is read only above a scale of 1."""
        if negative_prompt and not self.has_negative(scale):
            raise SettingsError(
                f"negative_prompt does nothing at a guidance_scale of {scale:g}; raise guidance_scale above 1, or "
                "leave out negative_prompt"
            )


class Distilled(Guidance):
    """A network trained to give the guided prediction itself (Meng et al. 2023, arXiv 2210.03142). It takes the scale
    as an input and reads no negative text.
    """

    def has_negative(self, scale: float) -> bool:
        """Never."""
        return False

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """There is only one prediction."""
        return positive

    def check(self, scale: float, negative_prompt: str) -> None:
        """A negative prompt is never read."""
        if negative_prompt:
            raise SettingsError(
                "this model's guidance is distilled into its weights and reads no negative_prompt; leave it out"
            )


class Unguided(Distilled):
    """A network distilled to be sampled in a few steps without any guidance (Sauer et al. 2024, arXiv 2403.12015)."""

    def check(self, scale: float, negative_prompt: str) -> None:
        """No scale is read either; 0 and 1 both mean no guidance."""
        super().check(scale, negative_prompt)
        if scale not in (0, 1):
            raise SettingsError(
                f"guidance_scale is {scale:g}, and this model is sampled without guidance; leave it out"
            )
