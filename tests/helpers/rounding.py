"""How far two computations of the same numbers may be apart, from their dtype and the size of their sums.

Every processor adds in an order of its own. A sum of n products is then off by about sqrt(n) roundings, each an eps of
the numbers' size, and by n of them at the very worst.
"""

from math import sqrt

import torch
from torch import Tensor

DEEPEST = 32 * 288
"""Layers of the tiny U-Net times the products in a sum of its widest layer (32 channels, 3 x 3)."""


def rounding(expected: Tensor, products: int, amplified: float = 1.0) -> float:
    """Four standard deviations of what sums of so many products are off, `amplified` by what is done with them."""
    size = float(expected.abs().max())
    return 4 * torch.finfo(expected.dtype).eps * sqrt(products) * size * amplified


def assert_same(ours: Tensor, expected: Tensor, products: int, amplified: float = 1.0) -> None:
    """That two tensors are equal but for the order of their sums."""
    torch.testing.assert_close(ours, expected, rtol=0, atol=rounding(expected, products, amplified))


def assert_same_latents(ours: Tensor, expected: Tensor) -> None:
    """That the tiny U-Net's finished latents, of a few steps with guidance, are equal but for the order of sums.

    A step adds two predictions, of which guidance makes two to three times as much (7.5 and -6.5 of numbers that are
    nearly the same), and the errors of all steps add up.
    """
    assert_same(ours, expected, DEEPEST, amplified=3)
