"""Diffusers' community Prompt-to-Prompt pipeline, from a checkout of diffusers.

`examples/community/pipeline_prompt2prompt.py`, a port of the code of Hertz et al. (2022, arXiv 2208.01626). Its known
faults are worked around from outside: its documented names `cross_replace_steps` and `self_replace_steps` are not read
(`n_cross_replace` and `n_self_replace` are), it takes every text to be 77 tokens long, and it leaves its attention
processors in the model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from torch import Tensor

from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.peers.checkout import load_file, quiet
from wordbrush_bench.peers.shared import SharedModel, processors_restored, timed

FILE = "examples/community/pipeline_prompt2prompt.py"
TEXT_LENGTH = 77
_OF_TEXT_LENGTH = ("get_time_words_attention_alpha", "get_replacement_mapper", "get_mapper", "get_refinement_mapper")
"""Its functions whose only default is the length of texts, written down as 77."""


class CommunityPrompt2Prompt:
    """The pipeline on the weights of a model; the model is the same after a call as before it."""

    def __init__(self, checkout: Path, model: SharedModel) -> None:
        """Load it. Raises `ModelError` when the folder is no checkout of diffusers."""
        self._module = load_file(checkout, "diffusers", FILE, ["Prompt2PromptPipeline", *_OF_TEXT_LENGTH])
        parts = {name: getattr(model.pipeline, name) for name in ("vae", "text_encoder", "tokenizer", "unet")}
        length = int(model.pipeline.tokenizer.model_max_length)
        self.notes: tuple[str, ...] = (
            "its n_cross_replace and n_self_replace are set: it does not read the names that it documents",
        )
        if length != TEXT_LENGTH:
            _set_text_length(self._module, length)
            self.notes += (f"its fixed text length of {TEXT_LENGTH} tokens is set to the model's {length}",)
        with quiet():
            self._pipeline = self._module.Prompt2PromptPipeline(
                **parts,
                scheduler=model.pipeline.scheduler,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
        self._pipeline.set_progress_bar_config(disable=True)

    def latents(
        self,
        prompts: Sequence[str],
        noise: Tensor,
        edit_type: str,
        cross_replace: float,
        self_replace: float,
        num_inference_steps: int,
        guidance_scale: float,
    ) -> Tensor:
        """The finished latents (prompts, C, h, w) of a source and its edits, from noise (1, C, h, w)."""
        height, width = (side * self._pipeline.vae_scale_factor for side in noise.shape[2:])
        with quiet(), processors_restored(self._pipeline.unet):
            latents: Tensor = self._pipeline(
                list(prompts),
                height=height,
                width=width,
                latents=noise.expand(len(prompts), -1, -1, -1),
                num_inference_steps=num_inference_steps,
                guidance_scale=guidance_scale,
                cross_attention_kwargs={
                    "edit_type": edit_type,
                    "n_cross_replace": cross_replace,
                    "n_self_replace": self_replace,
                },
                output_type="latent",
            ).images
        return latents


class CommunityPrompt2PromptMethod:
    """The pipeline as a row: replace where both prompts have as many words, else refine."""

    def __init__(
        self,
        name: str,
        peer: CommunityPrompt2Prompt,
        model: SharedModel,
        num_inference_steps: int,
        guidance_scale: float,
        cross_replace: float,
        self_replace: float,
    ) -> None:
        """Fix all settings."""
        self.name = name
        self._peer, self._model = peer, model
        self._run = (cross_replace, self_replace, num_inference_steps, guidance_scale)

    @property
    def settings(self) -> Mapping[str, object]:
        """What its results depend on."""
        names = ("cross_replace", "self_replace", "num_inference_steps", "guidance_scale")
        return dict(zip(names, self._run, strict=True))

    def refusal(self, case: Case) -> str | None:
        """It edits only what it generates."""
        return "it has no inversion" if case.origin == "photograph" else None

    def run(self, case: Case, material: Material) -> Outcome:
        """Source and edit in one batch, from the case's own noise."""
        prompts = [case.source_prompt, case.target_prompt]
        kind = "replace" if len(prompts[0].split(" ")) == len(prompts[1].split(" ")) else "refine"
        adapter, pixels = self._model.adapter, self._model.pixels
        noise = adapter.noise(case.seed, pixels, pixels)
        latents, seconds = timed(lambda: self._peer.latents(prompts, noise, kind, *self._run))
        source, edited = (adapter.decode(one[None]) for one in latents)
        return Outcome(
            source,
            edited,
            seconds,
            0.0,
            notes=(f"{kind}; source and edit in one batch, so its seconds are of both", *self._peer.notes),
        )


def _set_text_length(module: ModuleType, length: int) -> None:
    for name in _OF_TEXT_LENGTH:
        function = getattr(module, name)
        function.__defaults__ = (length,)
