"""The authors' code of edit-friendly DDPM inversion (Huberman-Spiegelglas et al. 2024, arXiv 2304.06140).

A checkout of `inbarhub/DDPM_inversion`, of which `ddm_inversion/inversion_utils.py` is run in the mode that its
`main_run` calls `our_inv`. Its mode with Prompt-to-Prompt is not: that registers itself with classes named
`CrossAttention`, which today's diffusers has not, and would silently control nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.peers.checkout import load_file, quiet
from wordbrush_bench.peers.shared import SharedModel, timed

PROJECT = "inbarhub/DDPM_inversion"
FILE = "ddm_inversion/inversion_utils.py"
CFG_SOURCE = 3.5


class DDPMInversion:
    """The code with its own settings: 100 steps of which the first 36 are skipped, guidance 3.5 and 15."""

    def __init__(
        self,
        name: str,
        checkout: Path,
        model: SharedModel,
        num_steps: int = 100,
        skip: int = 36,
        cfg_target: float = 15.0,
    ) -> None:
        """Load it. Raises `ModelError` when the folder is no checkout of it."""
        self.name = name
        needs = ["inversion_forward_process", "inversion_reverse_process"]
        self._code = load_file(checkout, PROJECT, FILE, needs)
        self._model = model
        self._steps, self._skip, self._cfg_target = num_steps, skip, cfg_target

    @property
    def settings(self) -> Mapping[str, object]:
        """What its results depend on."""
        return {
            "num_diffusion_steps": self._steps,
            "skip": self._skip,
            "cfg_src": CFG_SOURCE,
            "cfg_tar": self._cfg_target,
            "eta": 1.0,
        }

    def refusal(self, case: Case) -> str | None:
        """It takes every case."""
        return None

    def run(self, case: Case, material: Material) -> Outcome:
        """Invert the picture with its own prompt, then sample with the target's."""
        adapter = self._model.adapter
        latents = adapter.encode_image(self._model.picture(case, material))
        model = _AsItKnows(self._model.pipeline)
        model.scheduler.set_timesteps(self._steps)
        with quiet(), torch.random.fork_rng():
            torch.manual_seed(case.seed)
            (_, noises, path), source_seconds = timed(
                lambda: self._code.inversion_forward_process(
                    model,
                    latents,
                    etas=1,
                    prompt=case.source_prompt,
                    cfg_scale=CFG_SOURCE,
                    num_inference_steps=self._steps,
                )
            )
            kept = self._steps - self._skip

            def sample(prompt: str, cfg: float) -> Tensor:
                made: Tensor = self._code.inversion_reverse_process(
                    model, xT=path[kept], etas=1, prompts=[prompt], cfg_scales=[cfg], zs=noises[:kept]
                )[0]
                return made

            edited, seconds = timed(lambda: sample(case.target_prompt, self._cfg_target))
            source = sample(case.source_prompt, CFG_SOURCE)
        return Outcome(
            adapter.decode(source),
            adapter.decode(edited),
            seconds,
            source_seconds,
            notes=("run without Prompt-to-Prompt, and encoded with the model's own scale of latents",),
        )


class _AsItKnows:
    """A pipeline with the names that its code reads, which diffusers has moved into configurations since."""

    def __init__(self, pipeline: Any) -> None:
        self.scheduler, self.tokenizer, self.text_encoder = (
            pipeline.scheduler,
            pipeline.tokenizer,
            pipeline.text_encoder,
        )
        self.device = pipeline.device
        self.unet = _UNet(pipeline.unet)


class _UNet:
    def __init__(self, unet: Any) -> None:
        self.in_channels, self.sample_size = unet.config["in_channels"], unet.config["sample_size"]
        self.forward: nn.Module = unet
