"""What a network computed deep inside, kept from one model call for the next ones (DeepCache, Ma et al. 2024)."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from wordbrush.attention.batch import BatchLayout
from wordbrush.sampling.text import Text


class DeepFeatures:
    """The deep features of the rows of a model call that ran whole, in whatever form its network keeps them.

    Before each call `begin` says which rows it has, and whether it re-uses what is held. A network then calls `keep`,
    or reads `held` and computes only what is shallow.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.reuses = False
        self._tensors: tuple[Tensor | None, ...] = ()
        self._layout = BatchLayout(())
        self._at: list[int] = []

    def begin(self, layout: BatchLayout, *, reuses: bool) -> None:
        """Prepare for a call with these rows; those of a call that re-uses are among those that are held."""
        self.reuses = reuses
        if not reuses:
            self._layout = layout
        self._at = [self._layout.position(row) for row in layout.rows]

    def keep(self, tensors: Sequence[Tensor | None]) -> None:
        """Hold these (rows, ...) until the next call that runs whole."""
        self._tensors = tuple(tensors)

    @property
    def held(self) -> tuple[Tensor | None, ...]:
        """What is held of the rows of this call."""
        if self._at == list(range(len(self._layout.rows))):
            return self._tensors
        return tuple(None if held is None else held[self._at] for held in self._tensors)


class DeepStep(NamedTuple):
    """What the model calls of one step do with deep features: each has its own, and all keep or re-use them."""

    features: tuple[DeepFeatures, ...]
    reuses: bool

    def call(self, number: int, layout: BatchLayout) -> DeepFeatures:
        """The features of one of the calls, prepared for its rows."""
        self.features[number].begin(layout, reuses=self.reuses)
        return self.features[number]


class DeepCache:
    """When a run computes its deep features: at one of `interval` steps of those that nothing controls."""

    def __init__(self, interval: int) -> None:
        """Begin with nothing held."""
        self._interval = interval
        self._features = DeepFeatures(), DeepFeatures()
        self._since: int | None = None
        self._layout, self._length = BatchLayout(()), 0

    def reuses(self, layout: BatchLayout, texts: Sequence[Text]) -> bool:
        """Whether a step that nothing controls, with these rows and their texts, takes what is held."""
        if self._since is None or self._since + 1 >= self._interval:
            return False
        return _longest(texts) == self._length and set(layout.rows) <= set(self._layout.rows)

    def step(self, layout: BatchLayout, texts: Sequence[Text], *, controlled: bool, reuses: bool) -> DeepStep | None:
        """What a step does; None if it neither keeps nor re-uses, as one that is `controlled`."""
        if self._interval == 1 or controlled:
            self._since = None
            return None
        if reuses:
            assert self._since is not None
            self._since += 1
        else:
            self._since, self._layout, self._length = 0, layout, _longest(texts)
        return DeepStep(self._features, reuses)


def _longest(texts: Sequence[Text]) -> int:
    return max(text.states.shape[1] for text in texts)
