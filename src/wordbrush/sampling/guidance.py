"""How a family uses a guidance scale: with a second row for the negative text, or as an input of its network."""

from abc import ABC, abstractmethod

from torch import Tensor, linalg

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.sampling.patches import packed, unpacked


class Guidance(ABC):
    """What the loop asks a family before and after a model call.

    If `apart`, rows with the negative text run in a model call of their own, as in the family's pipeline, and are not
    padded to the length of the prompts.
    """

    apart: bool = False

    @abstractmethod
    def has_negative(self, scale: float) -> bool:
        """Whether this scale needs a row with the negative text for each row with a prompt."""

    @abstractmethod
    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """One prediction (B, C, h, w) from the one with the negative text and the one with the prompts."""

    def check(self, scale: float, negative_prompt: str, interval: Window = EVERY_STEP) -> None:  # noqa: B027 - most accept all
        """Raise `SettingsError` for a negative prompt, or an interval of guided steps, that would have no effect."""

    def guided_steps(self, scale: float, interval: Window, num_steps: int) -> range:
        """The steps of a schedule that have rows with the negative text."""
        return interval.steps(num_steps) if self.has_negative(scale) else range(0)


class ClassifierFree(Guidance):
    """Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): two rows per prompt above a scale of 1."""

    neutral: float = 1.0
    """The scale up to which nothing is guided."""

    def __init__(self, *, apart: bool = False) -> None:
        """With both rows in one model call, or `apart`."""
        self.apart = apart

    def has_negative(self, scale: float) -> bool:
        """True above the neutral scale."""
        return scale > self.neutral

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """`w * eps(prompt) + (1 - w) * eps(negative)` (report, section 2.1, equation 2).

        Written as in diffusers, so that results agree to the bit.
        """
        return negative + scale * (positive - negative)

    def check(self, scale: float, negative_prompt: str, interval: Window = EVERY_STEP) -> None:
        """A negative prompt is read, and an interval ends something, only above the neutral scale."""
        idle = [name for name, given in _named(negative_prompt, interval) if given]
        if idle and not self.has_negative(scale):
            raise SettingsError(
                f"{idle[0]} does nothing at a guidance_scale of {scale:g}; raise guidance_scale above "
                f"{self.neutral:g}, or leave out {idle[0]}"
            )


class NormKept(ClassifierFree):
    """Classifier-free guidance whose prediction is at each position as long as that with the prompt alone, as the
    pipeline of Qwen-Image has it.
    """

    def __init__(self, patch: int) -> None:
        """`patch` is how many latent cells a position is wide and high."""
        super().__init__(apart=True)
        self._patch = patch

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """Guided, and scaled back."""
        guided_BQC = packed(super().combine(negative, positive, scale), self._patch)
        lengths = (linalg.vector_norm(x, dim=-1, keepdim=True) for x in (packed(positive, self._patch), guided_BQC))
        own, its = lengths
        return unpacked(guided_BQC * (own / its), (positive.shape[2], positive.shape[3]), self._patch)


class BeyondPrompt(ClassifierFree):
    """Classifier-free guidance that counts from the prediction with the prompt: a scale of 0 is none, and one of w is
    w + 1 elsewhere.
    """

    neutral = 0.0

    def combine(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """`eps(prompt) + w * (eps(prompt) - eps(negative))`, as the pipeline of Z-Image writes it."""
        return positive + scale * (positive - negative)


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

    def check(self, scale: float, negative_prompt: str, interval: Window = EVERY_STEP) -> None:
        """A negative prompt is never read, and there are no rows that an interval could leave out."""
        for name, given in _named(negative_prompt, interval):
            if given:
                raise SettingsError(
                    f"this model's guidance is distilled into its weights and reads no {name}; leave it out"
                )


class Unguided(Distilled):
    """A network distilled to be sampled in a few steps without any guidance (Sauer et al. 2024, arXiv 2403.12015)."""

    def check(self, scale: float, negative_prompt: str, interval: Window = EVERY_STEP) -> None:
        """No scale is read either; 0 and 1 both mean no guidance."""
        super().check(scale, negative_prompt, interval)
        if scale not in (0, 1):
            raise SettingsError(
                f"guidance_scale is {scale:g}, and this model is sampled without guidance; leave it out"
            )


def _named(negative_prompt: str, interval: Window) -> tuple[tuple[str, bool], ...]:
    """What only rows with the negative text can do, by the option's name, and whether it is asked for."""
    return ("negative_prompt", bool(negative_prompt)), ("guidance_interval", interval != EVERY_STEP)
