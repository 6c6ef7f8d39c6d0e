"""HunyuanDiT (Li et al. 2024, arXiv:2405.08748): cross-attention to a bilingual BERT and mT5 on one axis."""

from inspect import signature
from typing import Any

import torch
from diffusers import HunyuanDiTPipeline
from diffusers.models.embeddings import get_2d_rotary_pos_embed
from diffusers.pipelines.hunyuandit.pipeline_hunyuandit import get_resize_crop_region_for_grid
from torch import Tensor
from torch.nn import functional as F

from wordbrush.models.bert import bert_tokens
from wordbrush.models.cross_transformer import CrossTransformer
from wordbrush.models.t5 import t5_tokens
from wordbrush.sampling.guidance import ClassifierFree, Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens

BERT_LENGTH, T5_LENGTH = 77, 256
"""How many tokens the pipeline has of each encoder."""
_BASE_PIXELS, _CELL = 512, 8
"""The picture whose positions are not stretched, and the pixels of a latent cell: numbers in the pipeline's code."""


class HunyuanDiT(CrossTransformer):
    """An `Adapter` over a HunyuanDiT pipeline.

    Each block looks at the picture, then at the text, all at one resolution: the axis is `[BERT, mT5]`. In the place
    of padding the network has vectors that it has learnt, and looks at them.
    """

    def __init__(self, pipeline: HunyuanDiTPipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.guidance: Guidance = ClassifierFree()
        self.patch = int(self.transformer.config["patch_size"])
        self.text_length = BERT_LENGTH + T5_LENGTH
        self._widths = (
            int(self.transformer.config["cross_attention_dim"]),
            int(self.transformer.config["cross_attention_dim_t5"]),
        )

    def _tokens(self, prompt: str) -> PromptTokens:
        bert = bert_tokens(self._pipeline.tokenizer, prompt, BERT_LENGTH)
        return bert.beside(t5_tokens(self._pipeline.tokenizer_2, prompt, T5_LENGTH))

    def _encoded(self, prompt: str) -> Text:
        states, masks = [], []
        for index, length in enumerate((BERT_LENGTH, T5_LENGTH)):
            encoded, _, mask, _ = self._pipeline.encode_prompt(
                prompt,
                dtype=self.dtype,
                do_classifier_free_guidance=False,
                max_sequence_length=length,
                text_encoder_index=index,
            )
            states.append(F.pad(encoded, (0, max(self._widths) - encoded.shape[2])))
            masks.append(mask)
        return Text(torch.cat(states, dim=1), mask=torch.cat(masks, dim=1).to(self.dtype))

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        rows, channels, height, width = latents.shape
        assert text.mask is not None  # every text has its encoders' padding
        bert, t5 = text.states[:, :BERT_LENGTH, : self._widths[0]], text.states[:, BERT_LENGTH:, : self._widths[1]]
        prediction: Tensor = self.transformer(
            latents,
            timestep.to(latents).expand(rows),
            encoder_hidden_states=bert,
            text_embedding_mask=text.mask[:, :BERT_LENGTH],
            encoder_hidden_states_t5=t5.contiguous(),  # the network looks at it with other axes
            text_embedding_mask_t5=text.mask[:, BERT_LENGTH:],
            image_meta_size=self._sizes(latents),
            style=torch.zeros(rows, dtype=torch.long, device=latents.device),
            image_rotary_emb=self._places(height // self.patch, width // self.patch),
            return_dict=False,
        )[0]
        return prediction[:, :channels]  # beside it a variance, which no sampler reads

    def _sizes(self, latents: Tensor) -> Tensor:
        """What the pipeline tells of sizes by default: an original's, the picture's, and where it was cut from."""
        asked: Any = signature(self._pipeline.__call__).parameters
        height, width = (side * self.vae_factor for side in latents.shape[-2:])
        told = [*asked["original_size"].default, height, width, *asked["crops_coords_top_left"].default]
        return torch.tensor([told], dtype=latents.dtype, device=latents.device).repeat(len(latents), 1)

    def _places(self, height: int, width: int) -> Any:
        """The rotations of the picture's positions, which are those of 512 pixels, stretched."""
        region = get_resize_crop_region_for_grid((height, width), _BASE_PIXELS // _CELL // self.patch)
        head = self.transformer.inner_dim // self.transformer.num_heads
        return get_2d_rotary_pos_embed(head, region, (height, width), device=self.device, output_type="pt")
