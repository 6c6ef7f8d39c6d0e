"""The Stable Diffusion family: a U-Net with cross-attention, one CLIP text encoder, an image autoencoder."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.attention.region import RegionForm
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.errors import SettingsError
from wordbrush.models.clip import clip_ids, clip_tokens
from wordbrush.models.compiled import parts_as_written
from wordbrush.models.deep_features import unet_features
from wordbrush.models.execution_device import execution_device
from wordbrush.models.guides import NO_GUIDES, Guides
from wordbrush.models.intercept import Intercept, uncompiled
from wordbrush.models.latent_diffusion import LatentDiffusion
from wordbrush.models.memory import memory_shortage_told
from wordbrush.models.one_at_a_time import OneAtATime
from wordbrush.models.solvers import diffusion_solver
from wordbrush.models.unet import UNetLayers
from wordbrush.models.unet_guides import UNGUIDED, UNetGuides
from wordbrush.models.unet_region import unet_region_call, unet_region_form
from wordbrush.sampling.adapter import Control, Prediction, RegionCall, Reuse
from wordbrush.sampling.guidance import ClassifierFree, Distilled, Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens


class StableDiffusion(OneAtATime, LatentDiffusion):
    """An `Adapter` over the components of a Stable Diffusion 1.x or 2.x pipeline."""

    def __init__(
        self,
        tokenizer: CLIPTokenizer,
        text_encoder: CLIPTextModel,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL,
        scheduler_config: Mapping[str, Any],
        execution_device: Callable[[], torch.device] | None = None,
        choice: LayerChoice = OWN_CHOICE,
        guides: UNetGuides = UNGUIDED,
    ) -> None:
        """Take the components as they are; nothing of them is changed.

        `execution_device` says where they compute, where that is not where they lie (offloading); `choice` is what
        was chosen of the U-Net's layers; `guides` are what guides it beside its text.
        """
        super().__init__()
        self._guides = guides
        self._tokenizer = tokenizer
        self._text_encoder = text_encoder
        self._unet = unet
        self._vae = vae
        self._scheduler_config = scheduler_config
        self._execution_device = execution_device
        self.guidance: Guidance = ClassifierFree() if unet.config["time_cond_proj_dim"] is None else Distilled()
        """Two rows; one for a U-Net that was distilled to be told the scale (latent consistency models)."""
        self._sampler = "ddim" if isinstance(self.guidance, ClassifierFree) else "lcm"
        self._layers = UNetLayers(unet, int(tokenizer.model_max_length), choice)

    @classmethod
    def of(
        cls, pipeline: StableDiffusionPipeline, choice: LayerChoice = OWN_CHOICE, guides: Guides = NO_GUIDES
    ) -> "StableDiffusion":
        """The parts of a loaded pipeline, as its owner has set them up, and pictures that guide it.

        Raises `SettingsError` for a picture that nothing of it reads.
        """
        return cls(*parts_of(pipeline), choice=choice, guides=UNetGuides(pipeline, guides))

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self._parameter.device if self._execution_device is None else self._execution_device()

    @property
    def dtype(self) -> torch.dtype:
        """What the model computes in."""
        stored = self._parameter.dtype
        # What is stored in a byte or less is cast or expanded as each layer runs.
        return stored if stored.is_floating_point and stored.itemsize > 1 else self._unet.dtype

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the U-Net was trained on."""
        cells = self._unet.config["sample_size"]
        height, width = (cells, cells) if isinstance(cells, int) else cells
        return height * self.vae_factor, width * self.vae_factor

    @property
    def _network(self) -> UNet2DConditionModel:
        return self._unet

    @property
    def _autoencoder(self) -> AutoencoderKL:
        return self._vae

    @property
    def _channels(self) -> int:
        return int(self._unet.config["in_channels"])

    @property
    def _parameter(self) -> Tensor:
        # The U-Net's own `device` and `dtype` walk through all its modules, which shows in an edit of few steps.
        parameter: Tensor = next(self._unet.parameters())
        return parameter

    @property
    def vae_factor(self) -> int:
        """How many pixels a latent cell is wide and high."""
        return int(2 ** (len(self._vae.config["block_out_channels"]) - 1))

    @property
    def region_form(self) -> RegionForm | None:
        """Boxes of the latents, as far as the U-Net is as it was loaded and no ControlNet computes beside it, which
        sees the whole.
        """
        return None if self._guides.has_control_net else unet_region_form(self._unet, self._layers.coarsest)

    @property
    def size_multiple(self) -> int:
        """A pixel of the U-Net's coarsest layer is this high and wide."""
        return self.vae_factor * self._layers.coarsest

    def tokenize(self, prompt: str) -> PromptTokens:
        """Where the prompt's words are on the text axis.

        Raises `PromptError` when the prompt has more tokens than the model reads, and says which words fall off.
        """
        with self._one_at_a_time:
            return clip_tokens(self._tokenizer, prompt)

    @torch.no_grad()
    def encode(self, prompt: str) -> Text:
        """The text encoder's last hidden states (1, T, C) of one prompt, padded to the model's length."""
        return self._beside(self._text(prompt), negative=False)

    @torch.no_grad()
    def encode_negative(self, prompt: str) -> Text:
        """The conditioning of a negative prompt: that of any prompt, without the picture of an IP-Adapter."""
        return self._beside(self._negative_text(prompt), negative=True)

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture: its own, over `vae_factor`."""
        for name, value in (("height", height), ("width", width)):
            if value < 1 or value % self.vae_factor:
                raise SettingsError(
                    f"{name} is {value}; give a positive multiple of {self.vae_factor} (best of {self.size_multiple})"
                )
        return height // self.vae_factor, width // self.vae_factor

    def attention_layers(self, height: int, width: int) -> tuple[AttentionLayer, ...]:
        """The U-Net's attention layers for a picture of height x width pixels, in the order in which they run."""
        return self._layers.at(self.latent_size(height, width))

    def editable_layers(self, height: int, width: int) -> EditableLayers:
        """All self-attention of the U-Net, and that of its way up with the residual blocks there."""
        return self._layers.editable(self.latent_size(height, width))

    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A fresh schedule, the same for every size; by default DDIM, which the published method is defined on.

        A consistency-distilled network predicts for its own sampler alone, which is its default. Raises
        `SettingsError` for one of which a ControlNet would act in no step.
        """
        solver = diffusion_solver(
            self._scheduler_config, num_inference_steps, self.device, sampler or self._sampler, seed
        )
        self._guides.check_steps(len(solver.timesteps))
        return solver

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
        """The U-Net's prediction for latents (B, C, h, w) and the text of as many rows."""
        height, width = latents.shape[-2:]
        layers = self._layers.at((height, width))
        with ExitStack() as scope:
            scope.enter_context(self._one_at_a_time)
            around, deep = reuse if isinstance(reuse, RegionCall) else (None, reuse)
            shallow = deep is not None and deep.reuses
            if deep is not None:
                scope.enter_context(unet_features(self._unet, deep))
            elif around is not None or control is not None:
                scope.enter_context(uncompiled(self._unet))
            if around is not None or (control is not None and control.features):
                scope.enter_context(parts_as_written(self._unet))
            if around is not None:
                answer, size = control or AttentionCall.plain, (height, width)
                scope.enter_context(
                    unet_region_call(self._unet, self._layers.coarsest, size, layers, around, answer, shallow=shallow)
                )
            if control is not None:
                features = {name: self._layers.branches[name] for name in control.features}
                seen = layers if around is None else ()
                scope.enter_context(Intercept(self._layers.modules, seen, control, features, control.feature))
            prediction = self._call_unet(latents, timestep, text, guidance_scale, place, shallow=shallow)
        return prediction, 0 if control is None else control.verify(layers)

    def predict_with_gradient(
        self, latents: Tensor, timestep: Tensor, text: Text, place: Place | None = None
    ) -> Tensor:
        """The U-Net's prediction for latents (B, C, h, w), differentiable in the text's states."""
        with self._one_at_a_time, torch.enable_grad():
            return self._call_unet(latents, timestep, text, 1.0, place)

    def _text(self, prompt: str) -> Text:
        """What a prompt's row reads of its text."""
        with self._one_at_a_time:
            ids = clip_ids(self._tokenizer, prompt)
            states: Tensor = self._text_encoder(ids.to(self.device))[0]
        return Text(states.to(self.dtype))

    def _negative_text(self, prompt: str) -> Text:
        """What a negative row reads of its text."""
        return self._text(prompt)

    def _beside(self, text: Text, *, negative: bool) -> Text:
        with self._one_at_a_time:
            return self._guides.beside(text, self.device, negative=negative)

    def _call_unet(
        self,
        latents: Tensor,
        timestep: Tensor,
        text: Text,
        guidance_scale: float,
        place: Place | None,
        *,
        shallow: bool = False,
    ) -> Tensor:
        told = None
        if (width := self._unet.config["time_cond_proj_dim"]) is not None:
            scale = torch.full((len(latents),), guidance_scale - 1)
            told = get_timestep_embedding(scale * 1000, int(width)).to(self.device, self.dtype)
        added = self._added_conditions(latents, text)
        pictures = {} if text.image_embeds is None else {"image_embeds": [text.image_embeds]}
        with memory_shortage_told(f"{len(latents)} rows of this size"), self._guides.scales():
            guided = self._guides.added(latents, timestep, text, added, self.vae_factor, place, shallow=shallow)
            prediction: Tensor = self._unet(
                latents,
                timestep,
                encoder_hidden_states=text.states,
                timestep_cond=told,
                added_cond_kwargs={**added, **pictures},
                return_dict=False,
                **guided,
            )[0]
        return prediction

    def _added_conditions(self, latents: Tensor, text: Text) -> dict[str, Tensor]:
        """What the U-Net reads beside latents, timestep and text; a family that has it overrides this."""
        return {}


def parts_of(pipeline: Any) -> tuple[Any, Any, Any, Any, Mapping[str, Any], Callable[[], torch.device]]:
    """What `StableDiffusion` is made of, from a loaded pipeline."""
    scheduler = pipeline.scheduler
    return (
        pipeline.tokenizer,
        pipeline.text_encoder,
        pipeline.unet,
        pipeline.vae,
        {**scheduler.config, "_class_name": type(scheduler).__name__},
        lambda: execution_device(pipeline, pipeline.unet),
    )
