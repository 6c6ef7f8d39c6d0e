"""Proximal guidance: only what the prompt changes most is guided (Han et al. 2024, arXiv 2306.05414)."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.errors import SettingsError
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted

Norm = Literal["l0", "l1"]


@dataclass(frozen=True)
class Proximal:
    """The proximal operator of a norm, applied to the difference that guidance multiplies, and a pull to the picture.

    Differences below their `quantile` become 0; with "l1" the others shrink by that value. Where none is left within
    `dilate` cells, the predicted clean latents move towards the picture's by the fraction `recon_lr`. This pull acts
    at timesteps below the fraction `recon` of the trained schedule.
    """

    norm: Norm
    quantile: float
    recon_lr: float
    recon: float
    dilate: int

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        if self.norm not in get_args(Norm):
            raise SettingsError(f"proximal is '{self.norm}'; give l0, l1 or none")
        for name, value in (("quantile", self.quantile), ("recon_lr", self.recon_lr), ("recon", self.recon)):
            if not 0 <= value <= 1:
                raise SettingsError(f"{name} is {value}; give a number from 0 to 1")
        if not 0 <= self.dilate <= 1000:
            raise SettingsError(f"dilate is {self.dilate}; give a whole number from 0 to 1000")

    def advance(
        self, solver: Solver, timestep: Tensor, predicted: Predicted, latents: Tensor, picture: Tensor
    ) -> Tensor:
        """The latents (B, C, h, w) after a step; `picture` (1, C, h, w) are the photograph's."""
        if predicted.negative is None:
            return solver.step(predicted.positive, timestep, latents)
        change = predicted.positive - predicted.negative
        least = threshold(change, self.quantile)
        prediction = predicted.negative + predicted.guidance_scale * proximal(change, least, self.norm)
        following = solver.step(prediction, timestep, latents)
        if solver.part(timestep) >= self.recon:
            return following
        unchanged = ~dilated(change.abs() > least, self.dilate)
        pull = picture - solver.split(prediction, timestep, latents).clean
        return following + solver.rates_after(timestep).signal * self.recon_lr * pull * unchanged


def threshold(change: Tensor, quantile: float) -> Tensor:
    """The quantile (B, 1, 1, 1) of each row's absolute values (B, C, h, w)."""
    rows = change.abs().flatten(1).to(torch.promote_types(change.dtype, torch.float32))
    return torch.quantile(rows, quantile, dim=1).to(change.dtype)[:, None, None, None]


def proximal(change: Tensor, least: Tensor, norm: Norm) -> Tensor:
    """A hard ("l0") or soft ("l1") threshold of values (B, C, h, w) at `least`.

    >>> proximal(torch.tensor([-3.0, 1.0, 2.0]), torch.tensor(1.5), "l1").tolist()
    [-1.5, 0.0, 0.5]
    """
    if norm == "l1":
        return change - change.clamp(-least, least)
    return torch.where(change.abs() > least, change, 0)


def dilated(mask: Tensor, radius: int) -> Tensor:
    """A boolean mask (B, C, h, w) grown by `radius` cells on every side."""
    if radius == 0:
        return mask
    return F.max_pool2d(mask.float(), 2 * radius + 1, stride=1, padding=radius).bool()
