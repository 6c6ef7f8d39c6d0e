"""Latents under noise, what a prediction of that noise takes them for, and how much its error counts.

`signal` is the share of the picture's variance that is left, `alphas_cumprod` of Stable Diffusion's schedule.
"""

from torch import Tensor

SNR_LIMIT = 5.0


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
