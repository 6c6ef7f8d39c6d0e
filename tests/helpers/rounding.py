"""How far two computations of the same numbers may be apart, from their dtype and the size of their sums.

Every processor adds in an order of its own. A sum of n products is then off by about sqrt(n) roundings, each an eps of
the numbers' size, and by n of them at the very worst.
"""

from math import sqrt

import torch
from torch import Tensor

DEEPEST = 32 * 288
"""Layers of the tiny U-Net times the products in a sum of its widest layer (32 channels, 3 x 3)."""


NOISE = 4.0
"""How large latents are at their noisiest: what rounds on the way to a smaller picture is as large as these."""


def assert_same(
    ours: Tensor, expected: Tensor, products: int, *, amplified: float = 1.0, least_size: float = 0.0
) -> None:
    """That two tensors are equal but for the order of their sums.

    Allowed are four standard deviations of what sums of so many products are off, `amplified` by what is done with
    them. The numbers' size is the largest of them, or `least_size`.
    """
    size = max(least_size, float(expected.detach().abs().max()))
    bound = 4 * torch.finfo(expected.dtype).eps * sqrt(products) * size * amplified
    torch.testing.assert_close(ours, expected, rtol=0, atol=bound)


def assert_same_maps(ours: Tensor, expected: Tensor) -> None:
    """That maps of the tiny U-Net in a guided run are equal but for the order of sums: logits are sharp, up to 20."""
    assert_same(ours, expected, DEEPEST, amplified=20)


def assert_same_latents(ours: Tensor, expected: Tensor) -> None:
    """That the tiny U-Net's finished latents, of a few steps with guidance, are equal but for the order of sums.

    A step adds two predictions, of which guidance makes two to three times as much (7.5 and -6.5 of numbers that are
    nearly the same), and the errors of all steps add up.
    """
    assert_same(ours, expected, DEEPEST, amplified=3, least_size=NOISE)
