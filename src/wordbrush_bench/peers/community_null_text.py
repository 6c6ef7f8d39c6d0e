"""Diffusers' community null-text inversion (Mokady et al. 2023, arXiv 2211.09794), from a checkout of diffusers.

`examples/community/pipeline_null_text_inversion.py`. It is not connected to Prompt-to-Prompt: an edit is plain
sampling of the target's prompt with the negative embeddings that it found. It reads its picture from a file and leaves
those embeddings beside it, which a later call with other settings would take over: each call gets a folder of its own.
"""

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL.Image import Image
from torch import Tensor

from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.peers.checkout import load_file, quiet
from wordbrush_bench.peers.shared import SharedModel, timed

FILE = "examples/community/pipeline_null_text_inversion.py"
GUIDANCE = 7.5
"""Written into its code, in two places."""


class CommunityNullText:
    """The pipeline with its documented settings: 50 steps of at most 10 optimisations, guidance 7.5."""

    def __init__(
        self,
        name: str,
        checkout: Path,
        model: SharedModel,
        num_inference_steps: int = 50,
        num_inner_steps: int = 10,
        early_stop_epsilon: float = 1e-5,
    ) -> None:
        """Load it. Raises `ModelError` when the folder is no checkout of diffusers."""
        self.name = name
        module = load_file(checkout, "diffusers", FILE, ["NullTextPipeline", "tqdm"])
        vars(module)["tqdm"] = partial(module.tqdm, disable=True)
        self._model = model
        self._inversion = (num_inner_steps, early_stop_epsilon, num_inference_steps)
        parts = {
            part: getattr(model.pipeline, part) for part in ("vae", "text_encoder", "tokenizer", "unet", "scheduler")
        }
        kind = type("ScaledNullTextPipeline", (_ModelsOwnScale, module.NullTextPipeline), {"model": model})
        with quiet():
            self._pipeline: Any = kind(
                **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
            )
        self._pipeline.set_progress_bar_config(disable=True)

    @property
    def settings(self) -> Mapping[str, object]:
        """What its results depend on."""
        names = ("num_inner_steps", "early_stop_epsilon", "num_inference_steps")
        return {**dict(zip(names, self._inversion, strict=True)), "guidance_scale": GUIDANCE}

    def refusal(self, case: Case) -> str | None:
        """It takes every case."""
        return None

    def run(self, case: Case, material: Material) -> Outcome:
        """Invert the picture with its own prompt, then sample with the target's."""
        picture = self._model.picture(case, material)
        with quiet(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            picture.save(path)
            (noise, embeddings), source_seconds = timed(
                lambda: self._pipeline.invert(str(path), case.source_prompt, *self._inversion)
            )

            def sample(prompt: str) -> Image:
                made: Image = self._pipeline(
                    prompt, embeddings, noise, num_inference_steps=self._inversion[2], guidance_scale=GUIDANCE
                ).images[0]
                return made

            edited, seconds = timed(lambda: sample(case.target_prompt))
            source = sample(case.source_prompt)
        return Outcome(
            source,
            edited,
            seconds,
            source_seconds,
            notes=("run without Prompt-to-Prompt, and encoded with the model's own scale of latents",),
        )


class _ModelsOwnScale:
    """Encodes with the model's scale of latents, where its code has 0.18215 written down."""

    model: SharedModel

    def image2latent(self, image_path: str) -> Tensor:
        from PIL import Image as images

        with images.open(image_path) as picture:
            return self.model.adapter.encode_image(picture.convert("RGB"))
