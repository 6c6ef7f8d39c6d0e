"""How much picture and how much noise latents hold, and the deterministic moves between two such levels.

Latents at a level are `signal * clean + noise * eps`. A diffusion model has signal**2 + noise**2 = 1. A flow model has
signal + noise = 1, and the same formulas are then Euler steps along its velocity.
"""

from typing import NamedTuple

from torch import Tensor


class Rates(NamedTuple):
    """The shares of the clean latents and of the noise at one level."""

    signal: float
    noise: float


class Split(NamedTuple):
    """The clean latents and the noise that a prediction finds in latents, each (B, C, h, w)."""

    clean: Tensor
    noise: Tensor


def mixed(split: Split, rates: Rates) -> Tensor:
    """Latents (B, C, h, w) at a level, from their parts: a DDIM step (Song et al. 2021, arXiv 2010.02502, eq. 12)."""
    return rates.signal * split.clean + rates.noise * split.noise


def noisier(latents: Tensor, noise: Tensor, now: Rates, to: Rates) -> Tensor:
    """Latents (B, C, h, w) taken from the level `now` back to a noisier one, given their noise.

    >>> import torch
    >>> clean, noise = torch.tensor([2.0]), torch.tensor([1.0])
    >>> low, high = Rates(0.8, 0.6), Rates(0.6, 0.8)
    >>> float(noisier(mixed(Split(clean, noise), low), noise, low, high))
    2.0
    """
    return mixed(Split((latents - now.noise * noise) / now.signal, noise), to)


def stochastic_mean(split: Split, now: Rates, to: Rates) -> Tensor:
    """The mean (B, C, h, w) of a step that draws new noise, with eta 1 (Song et al. 2021, eq. 12 and 16).

    >>> import torch
    >>> bool(stochastic_mean(Split(torch.ones(1), torch.ones(1)), Rates(0.6, 0.8), Rates(1.0, 0.0)) == 1)
    True
    """
    kept = max(0.0, to.noise**2 - fresh_noise(now, to) ** 2) ** 0.5
    return mixed(split, Rates(to.signal, kept))


def fresh_noise(now: Rates, to: Rates) -> float:
    """The standard deviation of the noise that a step with eta 1 draws (Song et al. 2021, eq. 16).

    New noise and the noise that remains add up to the noise of `to`. The formula also holds where signal**2 + noise**2
    is not 1.

    >>> fresh_noise(Rates(0.6, 0.8), Rates(1.0, 0.0))
    0.0
    """
    fresh = max(0.0, now.noise**2 - (now.signal / to.signal) ** 2 * to.noise**2) ** 0.5
    return float(to.noise / now.noise * fresh)


def split(kind: str, prediction: Tensor, latents: Tensor, level: Rates) -> Split:
    """The parts of latents (B, C, h, w) at a level, if the network predicts `kind`, in diffusers' terms.

    - "epsilon": the noise.
    - "sample": the clean latents.
    - "v_prediction": the velocity of Salimans and Ho 2022 (arXiv 2202.00512).
    - "flow_prediction": the velocity from the clean latents to the noise (Liu et al. 2022, arXiv 2209.03003).

    >>> import torch
    >>> parts = split("flow_prediction", torch.tensor(3.0), torch.tensor(2.5), Rates(0.5, 0.5))
    >>> float(parts.clean), float(parts.noise)
    (1.0, 4.0)
    """
    signal, noise = level
    if kind == "epsilon":
        return Split((latents - noise * prediction) / signal, prediction)
    if kind == "sample":
        return Split(prediction, (latents - signal * prediction) / noise)
    if kind == "flow_prediction":
        return Split(latents - noise * prediction, latents + signal * prediction)
    return Split(signal * latents - noise * prediction, signal * prediction + noise * latents)
