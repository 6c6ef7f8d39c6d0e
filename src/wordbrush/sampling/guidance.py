"""How a family uses a guidance scale: with a second row for the negative text, or as an input of its network."""

from abc import ABC, abstractmethod

from torch import Tensor

from wordbrush.errors import SettingsError


class Guidance(ABC):
    """What the loop asks of a family before and after a model call."""

    @abstractmethod
    def has_negative(self, scale: float) -> bool:
        """Whether a scale needs a row with the negative text beside each row with a prompt."""

    @abstractmethod
    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """One prediction (B,C,h,w) of those with the negative text and with the prompts."""

    def check(self, scale: float, negative_prompt: str) -> None:  # noqa: B027 - most families take all
        """Raise `SettingsError` for a negative prompt that would have no place."""


class ClassifierFree(Guidance):
    """Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): above a scale of 1 two rows a prompt."""

    def has_negative(self, scale: float) -> bool:
        """Above 1."""
        return scale > 1

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """`w * eps(prompt) + (1 - w) * eps(negative)` (paper section 2.1, equation 2).

        Written as diffusers writes it, so that results agree to the bit.
        """
        return negative + scale * (positive - negative)

    def check(self, scale: float, negative_prompt: str) -> None:
        """A negative prompt is read above a scale of 1."""
        if negative_prompt and not self.has_negative(scale):
            raise SettingsError(
                f"negative_prompt does nothing at a guidance_scale of {scale:g}; raise guidance_scale above 1, or "
                "leave negative_prompt out"
            )


class Distilled(Guidance):
    """A network that was trained to give the guided prediction itself (Meng et al. 2023, arXiv 2210.03142): it is
    told the scale, and reads no negative text.
    """

    def has_negative(self, scale: float) -> bool:
        """Never."""
        return False

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """There is only one prediction."""
        return positive

    def check(self, scale: float, negative_prompt: str) -> None:
        """No negative prompt is read."""
        if negative_prompt:
            raise SettingsError(
                "this model's guidance is distilled into it and reads no negative_prompt; leave it out"
            )


class Unguided(Distilled):
    """A network that was distilled to be sampled in a few steps without any guidance (Sauer et al. 2024,
    arXiv 2403.12015).
    """

    def check(self, scale: float, negative_prompt: str) -> None:
        """No scale is read either; 0 and 1 both stand for none."""
        super().check(scale, negative_prompt)
        if scale not in (0, 1):
            raise SettingsError(
                f"guidance_scale is {scale:g}, and this model is sampled without guidance; leave it out"
            )
