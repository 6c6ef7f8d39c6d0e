"""FLUX.2 dev and klein: joint attention in double and single blocks, a language model's tokens."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers import Flux2KleinPipeline, Flux2Pipeline
from diffusers.pipelines.flux2.pipeline_flux2 import compute_empirical_mu, format_input
from torch import Tensor
from torch.nn import functional as F

from wordbrush.errors import ModelError, PromptError, cited
from wordbrush.models.chat import Chat, in_chat
from wordbrush.models.flow_transformer import TextFirst
from wordbrush.sampling.guidance import ClassifierFree, Distilled, Guidance, Unguided
from wordbrush.sampling.patches import packed, unpacked
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens

_IMAGE = "[IMG]"
"""What the pipeline of FLUX.2 dev takes out of prompts."""


class Flux2(TextFirst):
    """An `Adapter` over a FLUX.2 pipeline.

    The axis of all its layers is `[text, picture]`, and every text has as many tokens, its padding unmasked. Latents
    are those of the transformer: a position is one cell of 4 x 32 channels. FLUX.2 dev reads the text with Mistral and
    is told the guidance scale; klein reads it with Qwen3 and has negative rows by themselves, or no guidance where it
    was distilled.
    """

    patch = 1

    def __init__(self, pipeline: Flux2Pipeline | Flux2KleinPipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.text_length = int(pipeline.tokenizer_max_length)
        self._told = isinstance(pipeline, Flux2Pipeline)
        self.guidance = self._guidance()

    def _guidance(self) -> Guidance:
        if self._told:
            return Distilled()
        return Unguided() if self._pipeline.config.is_distilled else ClassifierFree(apart=True)

    @property
    def vae_factor(self) -> int:
        """How many pixels a latent cell is wide and high."""
        return 2 * int(self._pipeline.vae_scale_factor)

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the pipeline makes by default."""
        side = int(self._pipeline.default_sample_size) * int(self._pipeline.vae_scale_factor)
        return side, side

    @property
    def _channels(self) -> int:
        return int(self.transformer.config["in_channels"])

    def _shift(self, image_tokens: int, num_inference_steps: int) -> float:
        return float(compute_empirical_mu(image_tokens, num_inference_steps))

    def _tokens(self, prompt: str) -> PromptTokens:
        tokenizer: Any = self._pipeline.tokenizer
        if not self._told:
            write = partial(in_chat, tokenizer, enable_thinking=False)
            return self._chat(tokenizer, write, special=True).tokens(prompt)
        if _IMAGE in prompt:
            raise PromptError(f"'{cited(prompt)}' has {_IMAGE}, which stands for a picture; leave it out")
        write = partial(_in_mistral_chat, tokenizer, self._pipeline.system_message)
        words = getattr(tokenizer, "tokenizer", tokenizer)  # a processor has one for its texts
        read = _in_mistral_chat(tokenizer, self._pipeline.system_message, prompt, tokenize=True, return_dict=True)
        if list(read["input_ids"]) != words(write(prompt), add_special_tokens=False)["input_ids"]:
            raise ModelError(
                "the model's processor reads other tokens than its chat template has; give the model's own"
            )
        return self._chat(words, write, special=False).tokens(prompt)

    def _chat(self, tokenizer: Any, write: Callable[[str], str], *, special: bool) -> Chat:
        return Chat(
            tokenizer,
            write,
            self.text_length,
            special=special,
            length_of=lambda _: self.text_length,
            padding_first=tokenizer.padding_side == "left",
        )

    def _encoded(self, prompt: str) -> Text:
        states, _ = self._pipeline.encode_prompt(prompt, max_sequence_length=self.text_length)
        return Text(states.to(self.dtype))

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        rows, _, height, width = latents.shape
        told = None
        if self._told:
            told = torch.full([1], guidance_scale, device=latents.device, dtype=torch.float32).expand(rows)
        with self.transformer.cache_context("cond"):
            velocity_BQC: Tensor = self.transformer(
                hidden_states=packed(latents, self.patch).to(self.dtype),
                timestep=timestep.expand(rows).to(latents.dtype) / 1000,
                guidance=told,
                encoder_hidden_states=text.states,
                txt_ids=_positions(1, 1, text.states.shape[1]).to(latents.device),
                img_ids=_positions(height, width, 1).to(latents.device),
                return_dict=False,
            )[0]
        return unpacked(velocity_BQC, (height, width), self.patch)

    def _scaled(self, latents: Tensor) -> Tensor:
        patches = F.pixel_unshuffle(latents, 2)
        mean, deviation = self._statistics(patches)
        return (patches - mean) / deviation

    def _unscaled(self, latents: Tensor) -> Tensor:
        mean, deviation = self._statistics(latents)
        return F.pixel_shuffle(latents * deviation + mean, 2)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the deviation of patches of the autoencoder's latents, (1, 4 C, 1, 1)."""
        norm, smallest = self._pipeline.vae.bn, float(self._pipeline.vae.config["batch_norm_eps"])
        mean, variance = (running.view(1, -1, 1, 1) for running in (norm.running_mean, norm.running_var))
        return mean.to(like), torch.sqrt(variance + smallest).to(like)


def _in_mistral_chat(processor: Any, system_message: str, prompt: str, **options: object) -> Any:
    """What the pipeline has Mistral read of a prompt: a text, or with `tokenize` its tokens."""
    conversation = format_input(prompts=[prompt], system_message=system_message)[0]
    return processor.apply_chat_template(
        conversation, **{"add_generation_prompt": False, "tokenize": False, **options}
    )


def _positions(height: int, width: int, tokens: int) -> Tensor:
    """Each position of the picture or of the text as (0, row, column, token)."""
    return torch.cartesian_prod(torch.arange(1), torch.arange(height), torch.arange(width), torch.arange(tokens))
