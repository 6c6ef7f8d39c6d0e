"""Stable Diffusion 3 and 3.5 (Esser et al. 2024, arXiv:2403.03206): joint attention, two CLIPs and T5."""

from collections.abc import Mapping

from diffusers import StableDiffusion3Pipeline
from torch import Tensor

from wordbrush.attention.sites import AttentionLayer
from wordbrush.errors import PromptError, SettingsError
from wordbrush.models.clip import clip_tokens
from wordbrush.models.flow_transformer import FlowTransformer
from wordbrush.models.intercept import attention_modules
from wordbrush.models.region import TokenPath
from wordbrush.models.t5 import no_tokens, read_by_t5_alone, t5_tokens
from wordbrush.sampling.guidance import ClassifierFree, Guidance
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text
from wordbrush.tokens.prompt_tokens import PromptTokens

T5_LENGTH = 256
"""How many tokens of T5 the pipeline has at most."""

WORD_BLOCKS: Mapping[int, frozenset[int]] = {24: frozenset({7, 8, 9}), 38: frozenset({16, 18, 20, 21, 24})}
"""The blocks whose attention to the text shows where words are, of a model of so many: of SD3 medium those on which
Shin et al. 2025 (arXiv:2508.07519) and Seg4Diff (NeurIPS 2025) agree, of SD3.5 large those of Shin et al. Of other
models all. SD3.5 medium has 24 as well, and was not measured by its true numbers."""


class StableDiffusion3(FlowTransformer):
    """An `Adapter` over a Stable Diffusion 3 or 3.5 pipeline; it may have been loaded without T5.

    The axis of a joint layer is `[picture, CLIP, T5]`. The two CLIPs share their positions, because their states are
    joined along channels. Blocks of SD3.5 medium have a second attention, of the picture to itself.
    """

    token_path = TokenPath(picture="pos_embed", output="proj_out", text="context_embedder")

    def __init__(self, pipeline: StableDiffusion3Pipeline) -> None:
        """Take a loaded pipeline, as its owner has set it up."""
        super().__init__(pipeline)
        self.guidance: Guidance = ClassifierFree()
        t5 = pipeline.tokenizer_3
        self._t5_length = T5_LENGTH if t5 is None else min(T5_LENGTH, int(t5.model_max_length))
        self.text_length = int(pipeline.tokenizer_max_length) + self._t5_length
        self.patch = int(self.transformer.config["patch_size"])

    def latent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latents of a picture, which has a largest size."""
        size = super().latent_size(height, width)
        most = int(self.transformer.config["pos_embed_max_size"]) * self.size_multiple
        if max(height, width) > most:
            raise SettingsError(f"size is {height}x{width}, and this model has positions up to {most}x{most}")
        return size

    def _tokens(self, prompt: str) -> PromptTokens:
        pipeline = self._pipeline
        without_t5 = pipeline.text_encoder_3 is None
        note = None if without_t5 else read_by_t5_alone("CLIP")
        clip = clip_tokens(pipeline.tokenizer, prompt, cut_note=note)
        if clip.segments != clip_tokens(pipeline.tokenizer_2, prompt, cut_note=note).segments:
            raise PromptError(
                f"the model's two CLIP tokenizers cut '{prompt:.40}' differently; give both the same words"
            )
        if without_t5:
            return clip.beside(no_tokens(prompt, self._t5_length))
        return clip.beside(t5_tokens(pipeline.tokenizer_3, prompt, self._t5_length))

    def _encoded(self, prompt: str) -> Text:
        states, _, pooled, _ = self._pipeline.encode_prompt(
            prompt, None, None, do_classifier_free_guidance=False, max_sequence_length=self._t5_length
        )
        return Text(states.to(self.dtype), pooled.to(self.dtype))

    def _layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        config = self.transformer.config
        heads, blocks = int(config["num_attention_heads"]), int(config["num_layers"])
        layers = []
        for name in attention_modules(self.transformer):
            if name.endswith(".attn2"):
                layers.append(AttentionLayer.own(name, heads, grid))
            else:
                shows = int(name.split(".")[1]) in WORD_BLOCKS.get(blocks, range(blocks))
                layers.append(AttentionLayer.joint(name, heads, grid, tokens, text_first=False, shows_words=shows))
        return tuple(layers)

    def _predicted(
        self, latents: Tensor, timestep: Tensor, text: Text, guidance_scale: float, place: Place | None
    ) -> Tensor:
        timesteps = timestep.expand(len(latents))
        velocity: Tensor = self.transformer(
            hidden_states=latents,
            timestep=timesteps,
            encoder_hidden_states=text.states,
            pooled_projections=text.pooled,
            return_dict=False,
            **self._guides.added_to_sd3(latents, timesteps, text, self.vae_factor, place),
        )[0]
        return velocity
