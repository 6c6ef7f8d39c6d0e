"""Sources of cases: a photo inverted, or a picture generated; the last one is kept, for the methods that share it."""

import time
from dataclasses import dataclass

from PIL import Image

from wordbrush.editor import Editor
from wordbrush.evaluation.case import Case, Material
from wordbrush.results import Source


@dataclass(frozen=True)
class SourceSettings:
    """How a photo is inverted, and with how many steps and which guidance all is sampled; None: the model's own."""

    inversion: str
    num_inference_steps: int | None
    guidance_scale: float | None


class Sources:
    """Makes the sources of cases with one editor."""

    def __init__(self, editor: Editor) -> None:
        """Use this editor."""
        self.editor = editor
        self._kept: tuple[tuple[str, SourceSettings], Source, float] | None = None

    def of(self, case: Case, material: Material, settings: SourceSettings) -> tuple[Source, float]:
        """The case's source, and the seconds that it took, also when it was made for the method before."""
        key = (case.id, settings)
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # frees its memory before the next is made
            started = time.perf_counter()
            source = self._make(case, material, settings)
            self._kept = (key, source, time.perf_counter() - started)
        return self._kept[1:]

    def _make(self, case: Case, material: Material, settings: SourceSettings) -> Source:
        steps, guidance = settings.num_inference_steps, settings.guidance_scale
        if material.photo is None:
            return self.editor.generate(
                case.source_prompt, seed=case.seed, num_inference_steps=steps, guidance_scale=guidance
            )
        height, width = self.editor.model.native_size
        photo = resized(material.photo, (width, height))
        return self.editor.invert(
            photo,
            case.source_prompt,
            method=settings.inversion,
            seed=case.seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
        )


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture at another size (width, height); the same where it has it already."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
