"""Stable Diffusion XL (Podell et al. 2023, arXiv:2307.01952): a larger U-Net, two CLIPs, micro-conditioning."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch
from diffusers import StableDiffusionXLPipeline
from PIL.Image import Image
from torch import Tensor

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.errors import PromptError, cited
from wordbrush.models.clip import clip_tokens, spelled_as_added
from wordbrush.models.guides import NO_GUIDES, Guides
from wordbrush.models.stable_diffusion import StableDiffusion, parts_of
from wordbrush.models.unet_guides import UNetGuides
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens


class StableDiffusionXL(StableDiffusion):
    """An `Adapter` over a Stable Diffusion XL pipeline: base, Turbo, Lightning or LCM.

    The two CLIPs share their positions, because their states are joined along channels.
    """

    def __init__(
        self, pipeline: StableDiffusionXLPipeline, choice: LayerChoice = OWN_CHOICE, guides: Guides = NO_GUIDES
    ) -> None:
        """Take a loaded pipeline, as its owner has set it up; `choice` is what was chosen of its layers, and `guides`
        are pictures that guide it. Raises `SettingsError` for one that nothing of it reads.
        """
        super().__init__(*parts_of(pipeline), choice=choice, guides=UNetGuides(pipeline, guides))
        self._pipeline = pipeline
        self._decoding = Lock()

    @classmethod
    def of(
        cls, pipeline: StableDiffusionXLPipeline, choice: LayerChoice = OWN_CHOICE, guides: Guides = NO_GUIDES
    ) -> "StableDiffusionXL":
        """The adapter of a loaded pipeline."""
        return cls(pipeline, choice, guides)

    def tokenize(self, prompt: str) -> PromptTokens:
        """Where the prompt's words are on the text axis. Raises `PromptError` for more tokens than the model reads."""
        with self._one_at_a_time:
            first, second = (
                clip_tokens(tokenizer, prompt) for tokenizer in (self._pipeline.tokenizer, self._pipeline.tokenizer_2)
            )
        if first.positions != second.positions:
            raise PromptError(
                f"the model's two CLIP tokenizers cut '{cited(prompt)}' differently; give both the same words"
            )
        return first

    def _text(self, prompt: str) -> Text:
        """The states (1, T, C) of both encoders, and the pooled vector (1, P) of the second."""
        with self._one_at_a_time:
            spelled = spelled_as_added(self._pipeline.tokenizer, prompt)
            states, _, pooled, _ = self._pipeline.encode_prompt(spelled, do_classifier_free_guidance=False)
        return Text(states.to(self.dtype), pooled.to(self.dtype))

    def _negative_text(self, prompt: str) -> Text:
        """Of no negative prompt it is all zeros where the model was trained so, as in the pipeline."""
        text = self._text(prompt)
        if prompt or not self._pipeline.config.force_zeros_for_empty_prompt or text.pooled is None:
            return text
        return Text(torch.zeros_like(text.states), torch.zeros_like(text.pooled))

    def decode(self, latents: Tensor) -> Image:
        """The RGB picture of latents (1, C, h, w), in float32 where the autoencoder overflows in float16."""
        with self._without_overflow():
            return super().decode(latents)

    def encode_image(self, image: Image) -> Tensor:
        """The mean latents (1, C, h, w) of an RGB picture, in float32 where the autoencoder overflows in float16."""
        with self._without_overflow():
            return super().encode_image(image)

    def _added_conditions(self, latents: Tensor, text: Text) -> dict[str, Tensor]:
        """The pooled text, and the size that a picture was trained to have: its own, and not cropped."""
        height, width = (side * self.vae_factor for side in latents.shape[-2:])
        times = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype, device=latents.device)
        assert text.pooled is not None
        return {"text_embeds": text.pooled, "time_ids": times.expand(len(latents), -1)}

    @contextmanager
    def _without_overflow(self) -> Iterator[None]:
        vae = self._vae
        with self._decoding:  # the autoencoder's dtype is seen by all threads
            overflows = vae.dtype == torch.float16 and vae.config["force_upcast"]
            if overflows:
                vae.to(dtype=torch.float32)
            try:
                yield
            finally:
                if overflows:
                    vae.to(dtype=torch.float16)
