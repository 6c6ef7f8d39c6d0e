"""What the sampling loop needs of a model family, and nothing more.

A family's file converts its own conventions in one place: how prompts become conditioning, where text enters
attention, what the network predicts, and how latents are laid out.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import torch
from PIL.Image import Image
from torch import Tensor

from wordbrush.attention.region import RegionForm
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.attention.surroundings import Surroundings
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.lora_window import LoraScales
from wordbrush.sampling.deep_features import DeepFeatures
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens

Prediction = tuple[Tensor, int]
"""A model's prediction (B, C, h, w), and how many attention calls were controlled."""


class RegionCall(NamedTuple):
    """A model call that is kept as the surroundings of a region, or is of that region alone; the latter may keep deep
    features of the region, or re-use them.
    """

    surroundings: Surroundings
    deep: DeepFeatures | None = None


Reuse = DeepFeatures | RegionCall
"""What a model call keeps for the next ones, or takes from an earlier one in place of computing it."""


class Control(Protocol):
    """Answers every attention call of one model call, and proves afterwards that it acted."""

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output it wants to change, by module name."""
        ...

    def feature(self, name: str, output_BCHW: Tensor, /) -> Tensor:
        """The changed output of one of these blocks."""
        ...

    def __call__(self, call: AttentionCall, /) -> Tensor:
        """Compute one attention."""
        ...

    def verify(self, layers: Iterable[AttentionLayer], /) -> int:
        """Return how many calls were controlled; raise `ControlError` if a layer of the model that must be controlled
        was not.
        """
        ...


class Predictor(Protocol):
    """The network alone: what the loop and the inversions call."""

    @property
    def guidance(self) -> Guidance:
        """How the network uses a guidance scale."""
        ...

    @property
    def region_form(self) -> RegionForm | None:
        """What regions the network can compute alone; None if it can compute none."""
        ...

    def predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        text: Text,
        control: Control | None,
        guidance_scale: float = 1.0,
        reuse: Reuse | None = None,
        place: Place | None = None,
    ) -> Prediction:
        """One model call on latents (B, C, h, w) and a text of as many rows; `control` answers its attention calls.

        `guidance_scale` is for networks that take it as an input (`Distilled`). `reuse` is what a call keeps, or
        re-uses: deep features, without control, or what is around a region, of a network with a `region_form`.
        `place` is where in its schedule the call is; a network with a part that acts at some steps alone needs it.
        """
        ...

    def predict_with_gradient(
        self, latents: Tensor, timestep: Tensor, text: Text, place: Place | None = None
    ) -> Tensor:
        """The prediction (B, C, h, w) of a call without control, differentiable with respect to the text's states."""
        ...


class LoadedLoras(Protocol):
    """The LoRAs that are loaded beside a model's weights."""

    @property
    def scales(self) -> Mapping[str, float]:
        """Their scales by name, as they were loaded."""
        ...

    def at(self, scales: LoraScales, /) -> AbstractContextManager[None]:
        """A scope in which they have other scales."""
        ...


class Adapter(Predictor, Protocol):
    """A text-to-image model with an iterative sampler."""

    loras: LoadedLoras
    """What is loaded beside the model's weights."""

    def with_loras(self, scales: LoraScales) -> AbstractContextManager[None]:
        """A scope in which calls of the model and its text encoders have the loaded LoRAs at these scales."""
        ...

    @property
    def device(self) -> torch.device:
        """The device that the model computes on."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that the model computes in."""
        ...

    def tokenize(self, prompt: str) -> PromptTokens:
        """The positions of the prompt's words on the text axis; `PromptError` if the prompt does not fit."""
        ...

    def encode(self, prompt: str) -> Text:
        """The conditioning of one prompt, as one row."""
        ...

    def encode_negative(self, prompt: str) -> Text:
        """The conditioning of one negative prompt, which may be empty, as one row."""
        ...

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture of height x width pixels; `SettingsError` if it cannot have
        any.
        """
        ...

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width, in pixels, of the pictures that the model was trained on."""
        ...

    @property
    def size_multiple(self) -> int:
        """Heights and widths in pixels must be multiples of this for all layers to halve them evenly."""
        ...

    def noise(self, seed: int, height: int, width: int) -> Tensor:
        """The starting latents (1, C, h, w) of a seed, for a picture of height x width pixels."""
        ...

    def attention_layers(self, height: int, width: int) -> tuple[AttentionLayer, ...]:
        """The attention layers for a picture of height x width pixels, in the order they run in."""
        ...

    def editable_layers(self, height: int, width: int) -> EditableLayers:
        """The layers that an edit of a picture of height x width pixels may name."""
        ...

    def bypassed(self, block: str) -> AbstractContextManager[None]:
        """A scope in which the module `block`, which has attention layers, hands on what it is given: nothing of what
        it computes is added. `ModelError` for one that cannot be left out.
        """
        ...

    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A new schedule of `num_inference_steps` for a picture of height x width pixels.

        `sampler` is the name of one of the family's samplers; None is the family's default. `seed` is for samplers
        that draw noise.
        """
        ...

    def encode_image(self, image: Image) -> Tensor:
        """The latents (1, C, h, w) of an RGB picture; `SettingsError` if its size cannot have any."""
        ...

    def decode(self, latents: Tensor) -> Image:
        """The picture of latents (1, C, h, w)."""
        ...
