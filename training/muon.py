"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal, so that every direction moves alike."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from training.precision import product_dtype

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration, as published: singular values end near 1, fast rather than exactly."""


class Muon(torch.optim.Optimizer):
    """For matrices and convolutions, (out, in, ...) seen as (out, in * ...); torch's own takes matrices alone.

    Updates are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982), so that one rate fits both.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        """Train parameters of two or more dimensions."""
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # none is ever given
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter.grad)
                momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(momentum, group["momentum"]).flatten(1)
                size = 0.2 * max(update.shape) ** 0.5
                parameter.add_(orthogonal(update).view_as(parameter), alpha=-group["lr"] * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix (m, n) to a matrix, roughly.

    >>> values = torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([1.0, 5.0, 9.0]))))
    >>> bool(((values > 0.6) & (values < 1.3)).all())
    True
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    dtype = product_dtype(matrix.device.type)
    if dtype == torch.float32:
        made = _on_squares(x)
    else:
        made = x.to(dtype)
        for _ in range(ITERATIONS):
            square = made @ made.T
            made = torch.addmm(made, torch.addmm(square, square, square, beta=b, alpha=c), made, beta=a)
        made = made.float()
    return made.T if tall else made


def _on_squares(x: Tensor) -> Tensor:
    """The same iteration on x @ x.T, whose polynomials commute: that of a wide matrix costs less.

    Half precision is not enough for it: singular values would reach 2.
    """
    a, b, c = COEFFICIENTS
    square = x @ x.T
    whole = torch.eye(len(square), device=x.device)
    for _ in range(ITERATIONS):
        step = torch.addmm(square, square, square, beta=b, alpha=c)
        step.diagonal().add_(a)
        whole = step @ whole
        square = step @ square @ step
    return whole @ x
