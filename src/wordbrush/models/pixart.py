"""PixArt-alpha and -sigma (Chen et al. 2023, arXiv:2310.00426; 2024, arXiv:2403.04692): cross-attention to T5."""

from inspect import signature
from typing import Any

import torch
from diffusers import PixArtAlphaPipeline, PixArtSigmaPipeline
from torch import Tensor

from wordbrush.errors import PromptError, cited
from wordbrush.models.cross_transformer import CrossTransformer
from wordbrush.models.region import TokenPath
from wordbrush.models.t5 import t5_tokens
from wordbrush.sampling.guidance import ClassifierFree, Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens


class PixArt(CrossTransformer):
    """An `Adapter` over a PixArt-alpha or -sigma pipeline.

    Each block looks at the picture, then at the text, all at one resolution. Padding is masked. The pipeline reads
    prompts in small letters.
    """

    token_path = TokenPath(picture="pos_embed", output="proj_out")

    def __init__(self, pipeline: PixArtAlphaPipeline | PixArtSigmaPipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.guidance: Guidance = ClassifierFree()
        self.patch = int(self.transformer.config["patch_size"])
        # 120 for alpha, 300 for sigma.
        self.text_length = int(signature(pipeline.encode_prompt).parameters["max_sequence_length"].default)

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the transformer was trained on."""
        side = int(self.transformer.config["sample_size"]) * self.vae_factor
        return side, side

    def _tokens(self, prompt: str) -> PromptTokens:
        small = prompt.lower()
        if len(small) != len(prompt):
            raise PromptError(f"'{cited(prompt)}' has a letter that is two when small, and PixArt reads small letters")
        return t5_tokens(self._pipeline.tokenizer, small.strip(), self.text_length).saying(prompt)

    def _encoded(self, prompt: str) -> Text:
        states, mask, _, _ = self._pipeline.encode_prompt(prompt, do_classifier_free_guidance=False)
        return Text(states.to(self.dtype), mask=mask.to(self.dtype))

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        rows = len(latents)
        prediction: Tensor = self.transformer(
            latents,
            encoder_hidden_states=text.states,
            encoder_attention_mask=text.mask,
            timestep=timestep[None].to(latents.device).expand(rows),
            added_cond_kwargs=self._added_conditions(latents),
            return_dict=False,
        )[0]
        return prediction[:, : latents.shape[1]]  # beside it a variance, which no sampler reads

    def _added_conditions(self, latents: Tensor) -> dict[str, Any]:
        """The size that a picture was trained to have: its own. Alpha's model of 1024 pixels alone is told it."""
        if not self.transformer.use_additional_conditions:
            return {"resolution": None, "aspect_ratio": None}
        rows = len(latents)
        height, width = (side * self.vae_factor for side in latents.shape[-2:])
        sizes, ratios = torch.tensor([[height, width]]), torch.tensor([[height / width]])
        return {
            "resolution": sizes.expand(rows, -1).to(latents),
            "aspect_ratio": ratios.expand(rows, -1).to(latents),
        }
