"""How what surrounds a region has changed since it was computed, judged by how the region itself has.

From step to step all of a picture loses noise, and so the features of its parts move alike. What was computed at an
earlier step is moved by the change of the region's mean and deviation, by channel, since then; where nothing has
changed, it stays.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, linalg

_MOST = 2.0
"""The largest change of a deviation that is followed."""


class Spread(NamedTuple):
    """Mean and variance of so many values, in single precision at least."""

    mean: Tensor
    variance: Tensor
    number: int

    @classmethod
    def of(cls, values: Tensor, over: Sequence[int]) -> "Spread":
        """Of values along some of their dimensions."""
        exact = values.to(torch.promote_types(values.dtype, torch.float32))
        number = prod(values.shape[dim] for dim in over)
        if values.dim() - 1 in over:  # a norm writes no squares; along other dimensions it is several times as slow
            square = linalg.vector_norm(exact, dim=tuple(over), keepdim=True).square() / number
        else:
            square = exact.square().mean(tuple(over), keepdim=True)
        return cls.of_moments(exact.mean(tuple(over), keepdim=True), square, number)

    @classmethod
    def of_moments(cls, mean: Tensor, square: Tensor, number: int) -> "Spread":
        """Of so many values with this mean, and this mean of their squares: several times as fast as `var_mean`."""
        return cls(mean, torch.addcmul(square, mean, mean, value=-1).clamp_(min=0), number)

    def growth(self, before: "Spread", usual: Tensor) -> Tensor:
        """How much larger the deviation is than it was. The `usual` variance counts as one more value to both, for few
        and equal ones say little.
        """
        now, then = (torch.add(usual, its.variance, alpha=self.number) for its in (self, before))
        return (now / then.clamp_(min=torch.finfo(then.dtype).tiny)).sqrt_().clamp_(1 / _MOST, _MOST)


class Outside:
    """Earlier values from outside of a region, which change as those inside have since then.

    >>> outside = Outside(torch.tensor([0.0, 2.0, 4.0]), torch.tensor([2.0, 2.0]), [0])
    >>> outside.beside(torch.tensor([2.0, 2.0])).tolist(), outside.beside(torch.tensor([3.0, 3.0])).tolist()
    ([0.0, 2.0, 4.0], [1.0, 3.0, 5.0])
    """

    def __init__(self, values: Tensor, inside: Tensor, over: Sequence[int]) -> None:
        """Take the values, and those inside then; `over` are the dimensions of places."""
        self._values = values
        self._over = over
        self._before = Spread.of(inside, over)
        self._usual = Spread.of(values, over).variance

    def beside(self, inside: Tensor) -> Tensor:
        """The values beside what is inside now."""
        now = Spread.of(inside, self._over)
        growth = now.growth(self._before, self._usual)
        moved = torch.addcmul(now.mean, self._before.mean, growth, value=-1)
        return torch.addcmul(moved, self._values, growth).to(self._values.dtype)
