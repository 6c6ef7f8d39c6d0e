"""MasaCtrl (Cao et al. 2023, arXiv 2304.08465), from a checkout of `TencentARC/MasaCtrl`.

Of its files `masactrl/masactrl_processor.py` runs on today's diffusers: the target's queries read the source's keys
and values in self-attention. It counts attention calls to know its step and layer: it is told the model's counts.
"""

from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from torch import Tensor

from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.peers.checkout import load_file, quiet
from wordbrush_bench.peers.shared import SharedModel, processors_restored, timed

PROJECT = "TencentARC/MasaCtrl"
FILE = "masactrl/masactrl_processor.py"
START_STEP = 4 / 50
START_LAYER, LAYERS = 10, 16
"""Its control begins at step 4 of 50 and at the self-attention layer 10 of Stable Diffusion v1's 16."""


class MasaCtrl:
    """Source and target in one batch, with its control from the same part of steps and layers as documented."""

    def __init__(
        self, name: str, checkout: Path, model: SharedModel, num_inference_steps: int, guidance_scale: float
    ) -> None:
        """Load it. Raises `ModelError` when the folder is no checkout of it."""
        self.name = name
        self._code = load_file(checkout, PROJECT, FILE, ["MasaCtrlProcessor"])
        self._model = model
        self._steps, self._guidance = num_inference_steps, guidance_scale
        self._layers = len(model.pipeline.unet.attn_processors) // 2
        self._start_layer = round(self._layers * START_LAYER / LAYERS)
        self._start_step = round(num_inference_steps * START_STEP)

    @property
    def settings(self) -> Mapping[str, object]:
        """What its results depend on."""
        return {
            "num_inference_steps": self._steps,
            "guidance_scale": self._guidance,
            "start_step": self._start_step,
            "start_layer": self._start_layer,
            "layers": self._layers,
        }

    def refusal(self, case: Case) -> str | None:
        """Its file for today's diffusers edits only what it generates."""
        return "its inversion imports torchvision" if case.origin == "photograph" else None

    def run(self, case: Case, material: Material) -> Outcome:
        """Source and edit in one batch, from the case's own noise."""
        adapter, pixels = self._model.adapter, self._model.pixels
        noise = adapter.noise(case.seed, pixels, pixels)
        latents, seconds = timed(lambda: self._latents([case.source_prompt, case.target_prompt], noise))
        source, edited = (adapter.decode(one[None]) for one in latents)
        notes: tuple[str, ...] = (
            "source and edit in one batch, so its seconds are of both",
            "the scale that it hands to linear layers, which no longer take one, is left out",
        )
        if self._layers != LAYERS:
            notes += (
                f"its first layer, {START_LAYER} of {LAYERS}, is {self._start_layer} of the model's {self._layers}",
            )
        return Outcome(source, edited, seconds, 0.0, notes=notes)

    def _latents(self, prompts: list[str], noise: Tensor) -> Tensor:
        pipeline = self._model.pipeline
        with quiet(), redirect_stdout(StringIO()), processors_restored(pipeline.unet):
            processor = type("Processor", (_WithoutScale, self._code.MasaCtrlProcessor), {})(
                layer_idx=list(range(self._start_layer, self._layers)),
                step_idx=list(range(self._start_step, self._steps)),
                total_layers=2 * self._layers,
                total_steps=self._steps,
            )
            pipeline.unet.set_attn_processor(processor)
            latents: Tensor = pipeline(
                prompts,
                num_inference_steps=self._steps,
                guidance_scale=self._guidance,
                latents=noise.expand(len(prompts), -1, -1, -1),
                output_type="latent",
            ).images
        return latents


class _WithoutScale:
    """Its processor hands a scale to linear layers, which those of older releases took."""

    def attn_forward(self, *arguments: Any) -> Tensor:
        """With the first five arguments alone."""
        attended: Tensor = super().attn_forward(*arguments[:5])  # type: ignore[misc]
        return attended
