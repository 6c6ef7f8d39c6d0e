"""Sana (Xie et al. 2024, arXiv:2410.10629): linear self-attention, cross-attention to Gemma, sampled along a flow."""

from inspect import signature
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SanaPipeline
from torch import Tensor

from wordbrush.attention.sites import AttentionLayer
from wordbrush.errors import PromptError, SettingsError, cited
from wordbrush.models.chat import Chat
from wordbrush.models.intercept import attention_modules
from wordbrush.models.solvers import flow_multistep_solver, flow_solver
from wordbrush.models.transformer import Transformer
from wordbrush.sampling.guidance import ClassifierFree, Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.solver import FLOW, Solver
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens


class Sana(Transformer):
    """An `Adapter` over a Sana pipeline.

    Each block looks at the picture by linear attention, which forms no map and is left alone, then at the text. Gemma
    reads an instruction and then the prompt, in small letters; of its tokens the first and the last 299 are the text.
    """

    def __init__(self, pipeline: SanaPipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.guidance: Guidance = ClassifierFree()
        self.patch = int(self.transformer.config["patch_size"])
        asked = signature(pipeline.__call__).parameters
        self._instruction: list[str] = asked["complex_human_instruction"].default
        self.text_length = int(asked["max_sequence_length"].default)

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width in pixels of the pictures that the transformer was trained on."""
        side = int(self.transformer.config["sample_size"]) * self.vae_factor
        return side, side

    @property
    def _latent_dtype(self) -> torch.dtype:
        return torch.float32

    @property
    def _channels(self) -> int:
        return int(self.transformer.config["in_channels"])

    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A fresh schedule, the same for every size; by default Euler steps of the flow, shifted as the pipeline's."""
        scheduler = self._pipeline.scheduler
        if sampler not in (None, FLOW, "own"):
            raise SettingsError(
                f"sampler is '{sampler}', and this model is sampled along a flow; give '{FLOW}' or 'own'"
            )
        if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
            return flow_solver(scheduler.config, num_inference_steps, self.device, 0)
        if sampler == "own":
            return flow_multistep_solver(scheduler.config, num_inference_steps, self.device)
        shifted = {"shift": float(scheduler.config["flow_shift"])}
        return flow_solver(shifted, num_inference_steps, self.device, 0)

    def _tokens(self, prompt: str) -> PromptTokens:
        tokenizer, small = self._pipeline.tokenizer, prompt.lower()
        if len(small) != len(prompt):
            raise PromptError(f"'{cited(prompt)}' has a letter that is two when small, and Sana reads small letters")
        instruction = "\n".join(self._instruction)
        # Behind the first token the pipeline leaves out the instruction's, all but the last.
        chat = Chat(
            tokenizer,
            lambda said: instruction + said,
            self.text_length,
            dropped=len(tokenizer.encode(instruction)) - 2,
            length_of=lambda _: self.text_length,
        )
        return chat.tokens(small.strip()).saying(prompt)

    def _encoded(self, prompt: str) -> Text:
        return self._text(prompt, self._instruction)

    @torch.no_grad()
    def encode_negative(self, prompt: str) -> Text:
        """The conditioning of a negative prompt, which follows no instruction."""
        with self._one_at_a_time:
            return self._text(prompt, None)

    def _text(self, prompt: str, instruction: list[str] | None) -> Text:
        states, mask, _, _ = self._pipeline.encode_prompt(
            prompt, do_classifier_free_guidance=False, complex_human_instruction=instruction
        )
        return Text(states.to(self.dtype), mask=mask.to(self.dtype))

    def _layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        heads = int(self.transformer.config["num_cross_attention_heads"])
        names = (name for name in attention_modules(self.transformer) if name.endswith(".attn2"))
        return tuple(AttentionLayer.cross(name, heads, grid, tokens) for name in names)

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        told: Any = timestep.to(latents.device).expand(len(latents)) * self.transformer.config["timestep_scale"]
        velocity: Tensor = self.transformer(
            latents.to(self.dtype),
            encoder_hidden_states=text.states,
            encoder_attention_mask=text.mask,
            timestep=told,
            return_dict=False,
        )[0]
        return velocity.float()[:, : latents.shape[1]]  # beside it there may be a variance, which no sampler reads
