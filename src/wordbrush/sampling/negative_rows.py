"""When a run computes its rows with the negative text, and what stands for them at the other guided steps."""

from torch import Tensor


class NegativeRows:
    """Computed at one of `interval` guided steps. At the others the predictions with the negative text are apart from
    those with the prompts by what they were last (as FasterCache, Lv et al. 2024, arXiv:2410.19355, re-uses them).
    """

    def __init__(self, interval: int) -> None:
        """Begin with nothing held."""
        self._interval = interval
        self._since = 0
        self._apart: Tensor | None = None

    @property
    def rest(self) -> bool:
        """Whether the next guided step can do without them."""
        return self._apart is not None and self._since + 1 < self._interval

    def computed(self, positive: Tensor, negative: Tensor) -> Tensor:
        """The predictions (B, C, h, w) of a step that has both; gives those with the negative text."""
        if self._interval > 1:
            self._since, self._apart = 0, positive - negative
        return negative

    def stood_for(self, positive: Tensor) -> Tensor:
        """The predictions (B, C, h, w) with the negative text at a step without their rows."""
        assert self._apart is not None  # else they do not rest
        self._since += 1
        return positive - self._apart
