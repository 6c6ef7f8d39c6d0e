"""FLUX.1 dev and schnell: joint attention in double and single blocks, T5's tokens, CLIP's pooled vector."""

from collections.abc import Mapping

import torch
from diffusers import FluxPipeline
from torch import Tensor

from wordbrush.models.clip import clip_tokens
from wordbrush.models.flow_transformer import TextFirst
from wordbrush.models.region import TokenPath
from wordbrush.models.t5 import read_by_t5_alone, t5_tokens
from wordbrush.sampling.guidance import Distilled, Guidance, Unguided
from wordbrush.sampling.patches import packed, unpacked
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens

WORD_BLOCKS: Mapping[int, range] = {19: range(11, 19)}
"""The double blocks whose attention to the text shows where words are, of a model of so many: where Shin et al. 2025
(arXiv:2508.07519: 11, 12, 14, 17, 18), ConceptAttention (15 to 18) and Add-it (13, 14, 18) meet."""


class Flux(TextFirst):
    """An `Adapter` over a FLUX.1 pipeline.

    The axis of all its layers is `[T5, picture]`. FLUX.1 dev is told the guidance scale, schnell has none; neither
    reads a negative prompt.
    """

    token_path = TokenPath(picture="x_embedder", output="proj_out", text="context_embedder", positions="pos_embed")

    def __init__(self, pipeline: FluxPipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        told = bool(self.transformer.config["guidance_embeds"])
        self.guidance: Guidance = Distilled() if told else Unguided()
        self.text_length = 512 if told else 256
        """As many tokens as dev and schnell were trained with."""

    def _tokens(self, prompt: str) -> PromptTokens:
        tokens = t5_tokens(self._pipeline.tokenizer_2, prompt, self.text_length)
        clip = clip_tokens(self._pipeline.tokenizer, prompt, cut_note=read_by_t5_alone("CLIP"))
        return tokens.noting(clip.notes)

    def _encoded(self, prompt: str) -> Text:
        states, pooled, _ = self._pipeline.encode_prompt(prompt, None, max_sequence_length=self.text_length)
        return Text(states.to(self.dtype), pooled.to(self.dtype))

    def _shows_words(self, layer: str) -> bool:
        part, block, *_ = layer.split(".")
        known = WORD_BLOCKS.get(int(self.transformer.config["num_layers"]))
        return known is None or (part == "transformer_blocks" and int(block) in known)

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        rows, _, height, width = latents.shape
        scale = torch.full([1], guidance_scale, device=latents.device, dtype=torch.float32).expand(rows)
        assert text.pooled is not None
        inputs: dict[str, Tensor] = {
            "hidden_states": packed(latents, self.patch),
            "timestep": timestep.expand(rows).to(latents.dtype) / 1000,
            "pooled_projections": text.pooled,
            "encoder_hidden_states": text.states,
            "txt_ids": torch.zeros(text.states.shape[1], 3).to(text.states),
            "img_ids": _positions(height // self.patch, width // self.patch).to(text.states),
        }
        guided = self._guides.added_to_flux(latents, self.vae_factor, self.patch, scale, place, **inputs)
        with self.transformer.cache_context("cond"):
            velocity_BQC: Tensor = self.transformer(
                guidance=scale if self.transformer.config["guidance_embeds"] else None,
                return_dict=False,
                **inputs,
                **guided,
            )[0]
        return unpacked(velocity_BQC, (height, width), self.patch)


def _positions(height: int, width: int) -> Tensor:
    """Each position of the picture as (0, row, column)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([torch.zeros_like(rows), rows, columns], dim=2).reshape(-1, 3)
