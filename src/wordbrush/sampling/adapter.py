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
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text
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


class Predictor(Protocol):
    """The network alone: what the loop and an inversion call."""

    @property
    def guidance(self) -> Guidance:
        """How it uses a guidance scale."""
        ...

    def predict(
        self, latents: Tensor, timestep: Tensor, text: Text, control: Control | None, guidance_scale: float = 1.0
    ) -> Prediction:
        """One model call on latents (B, C, h, w) and the text of as many rows, its attention under `control`.

        The scale is for a network that is told it (`Distilled`).
        """
        ...

    def predict_with_gradient(self, latents: Tensor, timestep: Tensor, text: Text) -> Tensor:
        """The prediction (B, C, h, w) of one model call without control, differentiable in the text's states."""
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

    def encode(self, prompt: str) -> Text:
        """The conditioning of one prompt, of one row."""
        ...

    def encode_negative(self, prompt: str) -> Text:
        """The conditioning of one negative prompt, which may be empty."""
        ...

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture of height x width pixels; `SettingsError` where it has none."""
        ...

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the model was trained on."""
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

    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A fresh schedule of `num_inference_steps` for a picture of height x width pixels.

        `sampler` is one of the family's by name, None its default; a sampler that draws noise draws it from `seed`.
        """
        ...

    def encode_image(self, image: Image) -> Tensor:
        """The latents (1, C, h, w) of an RGB picture; `SettingsError` where its size has none."""
        ...

    def decode(self, latents: Tensor) -> Image:
        """The picture of latents (1, C, h, w)."""
        ...
