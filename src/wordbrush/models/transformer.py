"""What the families share whose network is a transformer of patches: text, layers, a controlled call.

A family's file says where its text comes from, which layers there are, how it is sampled and its transformer called.
"""

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, lru_cache
from typing import Any, Self

import torch
from torch import Tensor, nn

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.attention.region import RegionForm
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.errors import SettingsError
from wordbrush.models.deep_features import block_features
from wordbrush.models.execution_device import execution_device
from wordbrush.models.guides import NO_GUIDES, Guides
from wordbrush.models.intercept import Intercept, uncompiled
from wordbrush.models.latent_diffusion import LatentDiffusion
from wordbrush.models.memory import memory_shortage_told
from wordbrush.models.one_at_a_time import OneAtATime
from wordbrush.models.region import RegionModules, TokenPath, region_call
from wordbrush.models.transformer_guides import TransformerGuides
from wordbrush.sampling.adapter import Control, Prediction, RegionCall, Reuse
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens


class Transformer(OneAtATime, LatentDiffusion):
    """An `Adapter` over a pipeline whose network is a transformer; the pipeline stays as it is."""

    guidance: Guidance
    patch: int = 2
    """How many latent cells a position of the transformer is wide and high."""
    text_length: int
    """How many tokens a text has, or may have at most."""
    token_path: TokenPath | None = None
    """Where tokens come and go, of a network that can run for a region alone."""

    def __init__(self, pipeline: Any) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__()
        self._pipeline = pipeline
        self._choice = OWN_CHOICE
        self._guides = TransformerGuides(pipeline, NO_GUIDES)
        self.attention_layers_of = lru_cache(maxsize=16)(self._chosen_layers)
        """The attention layers by grid and number of tokens."""

    @classmethod
    def of(cls, pipeline: Any, choice: LayerChoice = OWN_CHOICE, guides: Guides = NO_GUIDES) -> Self:
        """The adapter of a loaded pipeline; `choice` is what was chosen of its layers, and `guides` are pictures that
        guide it. Raises `SettingsError` for one that nothing of it reads.
        """
        adapter = cls(pipeline)
        adapter._choice = choice
        adapter._guides = TransformerGuides(pipeline, guides)
        return adapter

    @abstractmethod
    def _tokens(self, prompt: str) -> PromptTokens:
        """Where the prompt's words are on the text axis."""

    @abstractmethod
    def _encoded(self, prompt: str) -> Text:
        """The text of a prompt, by the pipeline's own encoders."""

    @abstractmethod
    def _layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        """The attention layers on a grid of (height, width) positions and a text axis of so many tokens, in the order
        in which they run.
        """

    @abstractmethod
    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        """The transformer's prediction (B, C, h, w)."""

    def _chosen_layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        return self._choice.applied(self._layers(grid, tokens))

    def _grid(self, height: int, width: int) -> tuple[int, int]:
        return height // self.patch, width // self.patch

    def _axis(self, text: Text) -> int:
        """How many positions a text has on the axis of the attention layers."""
        return text.states.shape[1]

    @property
    def region_form(self) -> RegionForm | None:
        """Any positions, if the network can run for a region alone, and no ControlNet beside it sees the whole."""
        return None if self.token_path is None or self._guides.has_control_net else RegionForm(self.patch)

    @property
    def _network(self) -> Any:
        return self.transformer

    @property
    def _autoencoder(self) -> Any:
        return self._pipeline.vae

    @property
    def _channels(self) -> int:
        return int(self._pipeline.vae.config["latent_channels"])

    @cached_property
    def _modules(self) -> RegionModules:
        return RegionModules.of(self.transformer)

    @property
    def transformer(self) -> Any:
        """The network."""
        return self._pipeline.transformer

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return execution_device(self._pipeline, self.transformer)

    @property
    def dtype(self) -> torch.dtype:
        """What the model computes in."""
        dtype: torch.dtype = self.transformer.dtype
        return dtype

    @property
    def vae_factor(self) -> int:
        """How many pixels a latent cell is wide and high."""
        return int(self._pipeline.vae_scale_factor)

    @property
    def size_multiple(self) -> int:
        """A position of the transformer is this high and wide."""
        return self.vae_factor * self.patch

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the pipeline makes by default."""
        side = int(self._pipeline.default_sample_size) * self.vae_factor
        return side, side

    def tokenize(self, prompt: str) -> PromptTokens:
        """Where the prompt's words are on the text axis; `PromptError` when one is read by no encoder."""
        with self._one_at_a_time:
            return self._tokens(prompt)

    @torch.no_grad()
    def encode(self, prompt: str) -> Text:
        """The conditioning of one prompt."""
        with self._one_at_a_time:
            return self._encoded(prompt)

    def encode_negative(self, prompt: str) -> Text:
        """The conditioning of a negative prompt: that of any prompt."""
        return self.encode(prompt)

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture: its own, over `vae_factor`."""
        for name, value in (("height", height), ("width", width)):
            if value < 1 or value % self.size_multiple:
                raise SettingsError(f"{name} is {value}; give a positive multiple of {self.size_multiple}")
        return height // self.vae_factor, width // self.vae_factor

    def attention_layers(self, height: int, width: int) -> tuple[AttentionLayer, ...]:
        """The transformer's attention layers for a picture of height x width pixels, in the order of their blocks;
        where a text is as long as its prompt, of the longest.
        """
        return self.attention_layers_of(self._grid(*self.latent_size(height, width)), self.text_length)

    def editable_layers(self, height: int, width: int) -> EditableLayers:
        """All attention of the picture to itself, alone or beside the text; there is no decoder."""
        pixels = {layer.site.name: layer.pixels for layer in self.attention_layers(height, width) if layer.image}
        return EditableLayers(pixels, (), (), self._choice.layout)

    @abstractmethod
    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A fresh schedule for a picture of height x width pixels."""

    @torch.no_grad()
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
        """The transformer's prediction for latents (B, C, h, w) and the text of as many rows."""
        deep = reuse.deep if isinstance(reuse, RegionCall) else reuse
        features = nullcontext() if deep is None else block_features(self.transformer, deep)
        with self._one_at_a_time, memory_shortage_told(f"{len(latents)} rows of this size"):
            if isinstance(reuse, RegionCall):
                return self._predicted_among(reuse, features, latents, timestep, text, control, guidance_scale)
            if control is None:
                with features:
                    return self._predicted(latents, timestep, text, guidance_scale, place), 0
            network: nn.Module = self.transformer
            layers = self.attention_layers_of(self._grid(*latents.shape[-2:]), self._axis(text))
            with features, uncompiled(network), Intercept(self._modules.attention, layers, control):
                prediction = self._predicted(latents, timestep, text, guidance_scale, place)
            return prediction, control.verify(layers)

    def _predicted_among(
        self,
        reuse: RegionCall,
        features: AbstractContextManager[None],
        latents: Tensor,
        timestep: Tensor,
        text: Text,
        control: Control | None,
        guidance_scale: float,
    ) -> Prediction:
        """The prediction of a call that is kept as surroundings, or is of their region alone; `features` is the scope
        of its deep ones.
        """
        network, path = self.transformer, self.token_path
        assert path is not None  # a network without one has no `region_form`
        layers = self.attention_layers_of(self._grid(*latents.shape[-2:]), self._axis(text))
        shallow = reuse.deep is not None and reuse.deep.reuses
        answer = control or AttentionCall.plain
        scope = region_call(network, self._modules, path, layers, reuse.surroundings, answer, shallow=shallow)
        with uncompiled(network), scope, features:
            prediction = self._predicted(latents, timestep, text, guidance_scale, None)  # beside no ControlNet
        return prediction, 0 if control is None else control.verify(layers)

    def predict_with_gradient(
        self, latents: Tensor, timestep: Tensor, text: Text, place: Place | None = None
    ) -> Tensor:
        """The transformer's prediction for latents (B, C, h, w), differentiable in the text's states."""
        with self._one_at_a_time, torch.enable_grad():
            return self._predicted(latents, timestep, text, 1.0, place)
