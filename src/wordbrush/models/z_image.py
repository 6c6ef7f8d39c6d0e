"""Z-Image (Cai et al. 2025, arXiv:2511.22699): single-stream blocks, Qwen3's tokens, a caption behind the picture."""

from collections.abc import Sequence
from functools import partial
from math import prod

import torch
from diffusers import ZImagePipeline
from torch import Tensor

from wordbrush.attention.sites import AttentionLayer
from wordbrush.errors import SettingsError
from wordbrush.models.chat import Chat, in_chat
from wordbrush.models.flow_transformer import FlowTransformer
from wordbrush.models.intercept import attention_modules
from wordbrush.sampling.guidance import BeyondPrompt, Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens

MULTIPLE = 32
"""Pictures and captions are padded to a multiple of so many positions, each with a token that was trained for it."""


class ZImage(FlowTransformer):
    """An `Adapter` over a Z-Image pipeline.

    The axis of its blocks is `[picture, padding, caption, padding]`. Before them the picture looks at itself alone,
    and the caption at itself, which no edit touches. Latents are kept in float32, as the pipeline keeps them. No
    block is known to show words better than others: all do.
    """

    def __init__(self, pipeline: ZImagePipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.guidance: Guidance = BeyondPrompt()
        self.text_length = 512

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the pipeline makes by default."""
        return 1024, 1024

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture, which has a largest size."""
        size = super().latent_size(height, width)
        most = tuple(int(places) * self.size_multiple for places in self.transformer.config["axes_lens"][1:])
        if height > most[0] or width > most[1]:
            raise SettingsError(f"size is {height}x{width}, and this model has positions up to {most[0]}x{most[1]}")
        return size

    @property
    def _latent_dtype(self) -> torch.dtype:
        return torch.float32

    def _sigmas(self, num_inference_steps: int) -> Sequence[float]:
        return [float(sigma) for sigma in torch.linspace(1.0, 1 / num_inference_steps, num_inference_steps)]

    def _tokens(self, prompt: str) -> PromptTokens:
        tokenizer = self._pipeline.tokenizer
        template = partial(in_chat, tokenizer, enable_thinking=True)
        return Chat(tokenizer, template, self.text_length, length_of=_rounded_up).tokens(prompt)

    def _encoded(self, prompt: str) -> Text:
        states, _ = self._pipeline.encode_prompt(
            prompt, do_classifier_free_guidance=False, max_sequence_length=self.text_length
        )
        return Text(states[0][None].to(self.dtype))

    def _axis(self, text: Text) -> int:
        return _rounded_up(text.states.shape[1])

    def _layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        heads, padding = int(self.transformer.config["n_heads"]), -prod(grid) % MULTIPLE
        layers = []
        for name in attention_modules(self.transformer):
            part = name.split(".")[0]
            if part == "noise_refiner":
                layers.append(AttentionLayer.own(name, heads, grid, padding))
            elif part == "layers":
                layers.append(AttentionLayer.joint(name, heads, grid, tokens, text_first=False, padding=padding))
        return tuple(layers)

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        captions = list(text.states)
        if text.mask is not None:
            captions = [states_TC[read_T.bool()] for states_TC, read_T in zip(captions, text.mask, strict=True)]
        velocities: list[Tensor] = self.transformer(
            list(latents.to(self.dtype)[:, :, None]),
            ((1000 - timestep) / 1000).expand(len(latents)).to(latents.device),
            captions,
            return_dict=False,
        )[0]
        # It predicts the way from the noise to the picture.
        return -torch.stack([velocity.float() for velocity in velocities])[:, :, 0]

    def _unscaled(self, latents: Tensor) -> Tensor:
        return super()._unscaled(latents.to(self._pipeline.vae.dtype))


def _rounded_up(tokens: int) -> int:
    return tokens + -tokens % MULTIPLE
