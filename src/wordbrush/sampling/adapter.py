"""What the sampling loop needs of a model family, and nothing more.

A family file converts its own conventions once: how prompts become conditioning, where text sits in attention, what
the network predicts, how latents are laid out.
"""

from collections.abc import Iterable
from typing import Protocol

import torch
from PIL.Image import Image
from torch import Tensor

from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.sampling.rates import Rates, Split
from wordbrush.tokens.prompt_tokens import PromptTokens

Prediction = tuple[Tensor, int]
"""A model's prediction (B, C, h, w) and the number of attention calls that were controlled."""


class Control(Protocol):
    """Answers every attention call of one model call, and proves afterwards that it acted."""

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks, by module name, whose output it wants to change."""
        ...

    def feature(self, name: str, output_BCHW: Tensor, /) -> Tensor:
        """The output of one of them, changed."""
        ...

    def __call__(self, call: AttentionCall, /) -> Tensor:
        """Compute one attention."""
        ...

    def verify(self, layers: Iterable[AttentionLayer], /) -> int:
        """Raise `ControlError` unless every layer of the model that must be controlled was; the number of controlled
        calls.
        """
        ...


class Solver(Protocol):
    """The noise schedule of one run."""

    timesteps: Tensor

    def step(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """Go from the latents (B, C, h, w) of a timestep to those of the next."""
        ...

    def noised(self, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """Finished latents (B, C, h, w) with as much of the noise as a timestep has: the forward process."""
        ...

    def rates(self, timestep: Tensor) -> Rates:
        """The level of the latents before the step of a timestep."""
        ...

    def rates_after(self, timestep: Tensor) -> Rates:
        """The level of the latents after the step of a timestep."""
        ...

    def split(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Split:
        """The clean latents and the noise that a prediction says that latents (B, C, h, w) are made of."""
        ...


class Predictor(Protocol):
    """The network alone: what the loop and an inversion call."""

    def predict(self, latents: Tensor, timestep: Tensor, text: Tensor, control: Control | None) -> Prediction:
        """One model call on latents (B, C, h, w) and text (B, T, C), its attention under `control`."""
        ...

    def predict_with_gradient(self, latents: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        """The prediction (B, C, h, w) of one model call without control, differentiable in its text."""
        ...


class Adapter(Predictor, Protocol):
    """A text-to-image model with an iterative sampler."""

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """What the model computes in."""
        ...

    def tokenize(self, prompt: str) -> PromptTokens:
        """Where the prompt's words are on the text axis; `PromptError` when it does not fit."""
        ...

    def encode(self, prompt: str) -> Tensor:
        """The conditioning (1, T, C) of one prompt."""
        ...

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture of height x width pixels; `SettingsError` where it has none."""
        ...

    @property
    def size_multiple(self) -> int:
        """Heights and widths in pixels that all its layers halve evenly are multiples of this."""
        ...

    def noise(self, seed: int, height: int, width: int) -> Tensor:
        """The starting latents (1, C, h, w) of a seed for a picture of height x width pixels."""
        ...

    def attention_layers(self, height: int, width: int) -> tuple[AttentionLayer, ...]:
        """The attention layers for a picture of height x width pixels, in the order in which they run."""
        ...

    def editable_layers(self, height: int, width: int) -> EditableLayers:
        """The layers that an edit of a picture of height x width pixels may name."""
        ...

    def solver(self, num_inference_steps: int) -> Solver:
        """A fresh schedule of so many steps."""
        ...

    def encode_image(self, image: Image) -> Tensor:
        """The latents (1, C, h, w) of an RGB picture; `SettingsError` where its size has none."""
        ...

    def decode(self, latents: Tensor) -> Image:
        """The picture of latents (1, C, h, w)."""
        ...
