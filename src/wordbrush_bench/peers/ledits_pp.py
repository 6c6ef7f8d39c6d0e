"""LEDITS++ (Brack et al. 2023, arXiv 2311.16711) as diffusers ships it: `LEditsPPPipelineStableDiffusion`.

It inverts a picture and adds guidance towards, or away from, phrases within masks that it finds itself. A swapped word
is given as the old word to go away from and the new one to go towards.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor
from torch.overrides import TorchFunctionMode

from wordbrush.errors import SettingsError
from wordbrush.quiet import quietly
from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.peers.checkout import quiet
from wordbrush_bench.peers.shared import SharedModel, processors_restored, timed

_WRITTEN_CHANNELS = 4
"""How many channels latents have in its code, whatever the model's have."""


class LEditsPP:
    """The pipeline with its documented defaults; the model is the same after a call as before it."""

    def __init__(
        self,
        name: str,
        model: SharedModel,
        num_inversion_steps: int = 30,
        skip: float = 0.15,
        edit_guidance: float = 5.0,
    ) -> None:
        """Set it up on the model's weights, with the solver that it is documented with."""
        with quietly():
            from diffusers import DPMSolverMultistepScheduler, LEditsPPPipelineStableDiffusion

        self.name = name
        self._model = model
        self._steps, self._skip, self._edit_guidance = num_inversion_steps, skip, edit_guidance
        parts = {part: getattr(model.pipeline, part) for part in ("vae", "text_encoder", "tokenizer", "unet")}
        scheduler = DPMSolverMultistepScheduler.from_config(
            model.pipeline.scheduler.config, algorithm_type="sde-dpmsolver++", solver_order=2
        )
        with quiet():
            self._pipeline: Any = LEditsPPPipelineStableDiffusion(
                **parts,
                scheduler=scheduler,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
        self._pipeline.set_progress_bar_config(disable=True)
        self._word_masks = _has_word_masks(model)
        self._channels = int(model.pipeline.unet.config["in_channels"])

    @property
    def settings(self) -> Mapping[str, object]:
        """What its results depend on."""
        return {
            "num_inversion_steps": self._steps,
            "skip": self._skip,
            "source_guidance_scale": 3.5,
            "edit_guidance_scale": self._edit_guidance,
            "edit_threshold": 0.9,
            "use_intersect_mask": self._word_masks,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done so that it runs on this model."""
        notes: tuple[str, ...] = ("its source is the autoencoder's picture: it gives no reconstruction of its own",)
        if not self._word_masks:
            notes += ("its masks are of its guidance alone: the model has no attention at a quarter of its latents",)
        if self._channels != _WRITTEN_CHANNELS:
            notes += (f"its fixed {_WRITTEN_CHANNELS} latent channels are set to the model's {self._channels}",)
        return notes

    def refusal(self, case: Case) -> str | None:
        """It needs phrases to go towards or away from."""
        return None if case.source_words or case.target_words else "the case names no words"

    def run(self, case: Case, material: Material) -> Outcome:
        """Invert the picture, then edit it."""
        picture = self._model.picture(case, material)
        away = [" ".join(case.source_words)] if case.source_words else []
        towards = [" ".join(case.target_words)] if case.target_words else []
        if away == towards:
            raise SettingsError("source words and target words are the same, so there is nothing to guide to")
        generator = torch.Generator("cpu").manual_seed(case.seed)
        with quiet(), processors_restored(self._pipeline.unet), _Channels(self._channels):
            inverted, source_seconds = timed(lambda: self._invert(picture, case.source_prompt, generator))
            edited, seconds = timed(lambda: self._edit([*away, *towards], [True] * len(away) + [False] * len(towards)))
        return Outcome(inverted, edited, seconds, source_seconds, notes=self.notes)

    def _invert(self, picture: Image, prompt: str, generator: torch.Generator) -> Image:
        made = self._pipeline.invert(
            image=picture,
            source_prompt=prompt,
            num_inversion_steps=self._steps,
            skip=self._skip,
            generator=generator,
        )
        seen: Image = made.vae_reconstruction_images[0]
        return seen

    def _edit(self, phrases: list[str], reverse: list[bool]) -> Image:
        made: Image = self._pipeline(
            editing_prompt=phrases,
            reverse_editing_direction=reverse,
            edit_guidance_scale=[self._edit_guidance] * len(phrases),
            edit_threshold=[0.9] * len(phrases),
            use_intersect_mask=self._word_masks,
        ).images[0]
        return made


class _Channels(TorchFunctionMode):
    """Where its code repeats a mask four times, for as many latent channels, repeats it for the model's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._channels = channels

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.repeat and args[1:] == (1, _WRITTEN_CHANNELS, 1, 1):
            args = (args[0], 1, self._channels, 1, 1)
        return func(*args, **(kwargs or {}))


def _has_word_masks(model: SharedModel) -> bool:
    """Whether the way down or up has cross-attention at a quarter of the latents' side: its word masks read that."""
    height, width = model.adapter.latent_size(model.pixels, model.pixels)
    return any(
        layer.site.kind == "cross" and layer.grid == (height // 4, width // 4) and "mid_block" not in layer.site.name
        for layer in model.adapter.attention_layers(model.pixels, model.pixels)
    )
