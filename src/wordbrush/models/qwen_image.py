"""Qwen-Image (Wu et al. 2025, arXiv:2508.02324): joint attention in double blocks, Qwen2.5-VL's tokens."""

from typing import Any

import torch
from diffusers import QwenImagePipeline
from torch import Tensor

from wordbrush.models.chat import Chat
from wordbrush.models.flow_transformer import TextFirst
from wordbrush.sampling.guidance import Guidance, NormKept
from wordbrush.sampling.patches import packed, unpacked
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens


class QwenImage(TextFirst):
    """An `Adapter` over a Qwen-Image pipeline.

    The axis of all its layers is `[text, picture]`, and a text is as long as its prompt and what its template has
    behind it; shorter ones of a batch are masked.
    """

    def __init__(self, pipeline: QwenImagePipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.guidance: Guidance = NormKept(self.patch)
        self.text_length = int(pipeline.tokenizer_max_length)

    @property
    def _channels(self) -> int:
        return int(self._pipeline.vae.config["z_dim"])

    def _tokens(self, prompt: str) -> PromptTokens:
        pipeline = self._pipeline
        dropped = int(pipeline.prompt_template_encode_start_idx)
        return Chat(
            pipeline.tokenizer, pipeline.prompt_template_encode.format, self.text_length, dropped=dropped
        ).tokens(prompt)

    def _encoded(self, prompt: str) -> Text:
        # The mask, of a single prompt, hides nothing.
        states, _ = self._pipeline.encode_prompt(prompt, max_sequence_length=self.text_length)
        return Text(states.to(self.dtype))

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        rows, _, height, width = latents.shape
        with self.transformer.cache_context("cond"):
            velocity_BQC: Tensor = self.transformer(
                hidden_states=packed(latents, self.patch),
                timestep=timestep.expand(rows).to(latents.dtype) / 1000,
                encoder_hidden_states=text.states,
                encoder_hidden_states_mask=text.mask,
                img_shapes=[[(1, height // self.patch, width // self.patch)]] * rows,
                return_dict=False,
            )[0]
        return unpacked(velocity_BQC, (height, width), self.patch)

    def _scaled(self, latents: Tensor) -> Tensor:
        mean, inverse = self._statistics(latents)
        return ((latents - mean) * inverse)[:, :, 0]

    def _unscaled(self, latents: Tensor) -> Tensor:
        given = latents[:, :, None].to(self._pipeline.vae.dtype)
        mean, inverse = self._statistics(given)
        return given / inverse + mean

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of the autoencoder's latents and the inverse of their deviation, (1, C, 1, 1, 1)."""
        config: Any = self._pipeline.vae.config
        mean, deviation = (torch.tensor(config[name]).view(1, -1, 1, 1, 1) for name in ("latents_mean", "latents_std"))
        return mean.to(like), (1.0 / deviation).to(like)
