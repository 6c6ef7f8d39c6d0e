"""An edit's result as a source: its way is known, and what its plain steps miss of that way is added to later edits.

The same idea as edit-friendly inversion (Huberman-Spiegelglas et al. 2024, arXiv 2304.06140), on a way that need not
be drawn: an edit that changes nothing is the result again, so that what a further edit does not name keeps what
earlier ones held.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from wordbrush.sampling.own_way import OwnWay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Text


class Following(Steering):
    """Takes a run along latents (1, C, h, w) that are known, and notes what its own steps miss of them."""

    def __init__(self, base: Steering, way: Sequence[Tensor]) -> None:
        """Follow `way`: the latents before each step, and after the last."""
        self._base, self._way = base, way
        self._missing: list[Tensor] = []

    def compares(self, *, guided: bool) -> bool:
        """As the base does."""
        return self._base.compares(guided=guided)

    def solver(self, solver: Solver) -> Solver:
        """That of the base."""
        return self._base.solver(solver)

    def shown(self, step: int, latents: Tensor) -> Tensor:
        """That of the base."""
        return self._base.shown(step, latents)

    def negative(self, step: int, negative: Text) -> Text:
        """That of the base."""
        return self._base.negative(step, negative)

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """The next of the known latents."""
        own = self._base.advance(solver, step, timestep, predicted, latents)
        self._missing.append(self._way[step + 1] - own)
        return self._way[step + 1]

    def own_way(self) -> OwnWay:
        """The steering that it found, once the run is over."""
        return OwnWay(self._base, torch.cat(self._missing))
