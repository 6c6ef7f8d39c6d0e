"""How much picture and how much noise latents hold, and the deterministic moves between two such levels.

Latents of a level are `signal * clean + noise * eps`. A diffusion model has signal**2 + noise**2 = 1; a flow model
has signal + noise = 1, and the same formulas then are Euler steps of its velocity.
"""

from typing import NamedTuple

from torch import Tensor


class Rates(NamedTuple):
    """The parts of the clean latents and of the noise at one level."""

    signal: float
    noise: float


class Split(NamedTuple):
    """What a prediction says that latents are made of, each (B, C, h, w)."""

    clean: Tensor
    noise: Tensor


def mixed(split: Split, rates: Rates) -> Tensor:
    """Latents (B, C, h, w) of a level from their parts: a DDIM step (Song et al. 2021, arXiv 2010.02502, eq. 12)."""
    return rates.signal * split.clean + rates.noise * split.noise


def noisier(latents: Tensor, noise: Tensor, now: Rates, to: Rates) -> Tensor:
    """Latents (B, C, h, w) taken from the level `now` back to a noisier one, if their noise is `noise`.

    >>> import torch
    >>> clean, noise = torch.tensor([2.0]), torch.tensor([1.0])
    >>> low, high = Rates(0.8, 0.6), Rates(0.6, 0.8)
    >>> float(noisier(mixed(Split(clean, noise), low), noise, low, high))
    2.0
    """
    return mixed(Split((latents - now.noise * noise) / now.signal, noise), to)


def stochastic_mean(split: Split, now: Rates, to: Rates) -> Tensor:
    """The mean (B, C, h, w) of a step whose noise is drawn afresh: eta 1 (Song et al. 2021, eq. 12 and 16).

    >>> import torch
    >>> bool(stochastic_mean(Split(torch.ones(1), torch.ones(1)), Rates(0.6, 0.8), Rates(1.0, 0.0)) == 1)
    True
    """
    kept = max(0.0, to.noise**2 - fresh_noise(now, to) ** 2) ** 0.5
    return mixed(split, Rates(to.signal, kept))


def fresh_noise(now: Rates, to: Rates) -> float:
    """The standard deviation of the noise that a step of eta 1 draws (Song et al. 2021, eq. 16).

    What is left of the noise of the clean latents' next level, scaled so that new and old noise together are `to`'s;
    written so that it also holds where signal**2 + noise**2 is not 1.

    >>> fresh_noise(Rates(0.6, 0.8), Rates(1.0, 0.0))
    0.0
    """
    fresh = max(0.0, now.noise**2 - (now.signal / to.signal) ** 2 * to.noise**2) ** 0.5
    return float(to.noise / now.noise * fresh)


def split(kind: str, prediction: Tensor, latents: Tensor, level: Rates) -> Split:
    """What latents (B, C, h, w) of a level are made of, by a network that predicts `kind` in diffusers' terms.

    "epsilon" is the noise, "sample" the clean latents, "v_prediction" the part of one in the direction of the
    other (Salimans and Ho 2022, arXiv 2202.00512), "flow_prediction" the velocity from the clean latents to the noise
    (Liu et al. 2022, arXiv 2209.03003).

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
