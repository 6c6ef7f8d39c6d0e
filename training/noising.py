"""Latents under noise, what a prediction of that noise takes them for, and how much its error counts.

`signal` is the share of the picture's variance that is left, `alphas_cumprod` of Stable Diffusion's schedule.
"""

from torch import Tensor

SNR_LIMIT = 5.0
MOST_LAYOUT = 5.0
"""Reached at timestep 790 of Stable Diffusion's schedule."""


def noised(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Latents (B, C, h, w) with noise, at a signal (B, 1, 1, 1) each."""
    return signal.sqrt() * clean + (1 - signal).sqrt() * noise


def guessed(noisy: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """The clean latents (B, C, h, w) that a prediction of their noise stands for."""
    return (noisy - (1 - signal).sqrt() * noise) / signal.sqrt()


def min_snr(signal: Tensor) -> Tensor:
    """How much an error of the noise counts at a signal (B, 1, 1, 1): (B,), by min-SNR (Hang et al. 2023)."""
    snr = (signal / (1 - signal)).flatten()
    return snr.clamp(max=SNR_LIMIT) / snr


def toward_layout(signal: Tensor) -> Tensor:
    """How much more an error of the noise counts where little of the picture is left: (B,), of mean 1.

    Halfway, by the geometric mean, between an error of the noise and one of the velocity (Salimans & Ho 2022): what a
    deterministic sampler draws is decided where errors of the noise are smallest.
    """
    weight = signal.flatten().rsqrt().clamp(max=MOST_LAYOUT)
    return weight / weight.mean()
