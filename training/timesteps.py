"""Which timesteps to train on, and how large the error is at each."""

import torch
from torch import Tensor

NUM_TIMESTEPS = 1000
BINS = 10
MEAN, DEVIATION = 0.8, 1.0
"""Of the logit of the share of noise: three quarters of the timesteps are drawn above 500, one in sixteen below 300.

What a picture shows is decided up there; below 500 the denoiser was good before (decision 0016).
"""


def draw_timesteps(count: int, generator: torch.Generator) -> Tensor:
    """Timesteps (count,) of a logit-normal density (Esser et al. 2024, section 3.1).

    One comes from each of `count` equally likely ranges: the loss of a batch varies less than with independent ones.
    """
    place = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    return (torch.sigmoid(MEAN + DEVIATION * torch.special.ndtri(place.double())) * NUM_TIMESTEPS).long()


class BinnedErrors:
    """Mean errors of samples since the last report, by tenths of the timesteps: it shows where error is left."""

    def __init__(self) -> None:
        """Begin with none."""
        self._clear()

    def add(self, timesteps: Tensor, errors: Tensor) -> None:
        """Take in the errors (B,) of samples at timesteps (B,)."""
        bins = timesteps * BINS // NUM_TIMESTEPS
        self._sums.index_add_(0, bins, errors.detach().float().cpu())
        self._counts.index_add_(0, bins, torch.ones(len(bins)))

    def report(self) -> dict[str, list[float | None]]:
        """The means from the lowest tenth to the highest, None where nothing was drawn; then begin anew."""
        means = [
            round(total / seen, 4) if seen else None
            for total, seen in zip(self._sums.tolist(), self._counts.tolist(), strict=True)
        ]
        self._clear()
        return {"error_by_timestep": means}

    def _clear(self) -> None:
        self._sums, self._counts = torch.zeros(BINS), torch.zeros(BINS)
