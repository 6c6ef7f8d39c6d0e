"""A method that is given photographs of any size, and blend words that its prompts may not have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from PIL import Image

from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Method, Outcome
from wordbrush_bench.pie.blend_words import occurrences


@dataclass(frozen=True, eq=False)
class FittedMethod:
    """Another method at one size (width, height): photographs are scaled to it, and what it makes is scaled back.

    PIE-Bench's pictures are 512 pixels square, as Stable Diffusion 1's are, and then nothing is scaled.
    """

    method: Method
    size: tuple[int, int]

    @property
    def name(self) -> str:
        """The method's."""
        return self.method.name

    @property
    def settings(self) -> Mapping[str, object]:
        """The method's."""
        return self.method.settings

    def refusal(self, case: Case) -> str | None:
        """The method's."""
        return self.method.refusal(case)

    def run(self, case: Case, material: Material) -> Outcome:
        """Edit at the method's size; notes say what was scaled, and which words no prompt has."""
        notes = tuple(f"'{word}' is not in '{prompt}'" for prompt, word in _missing(case))
        if material.photo is None or material.photo.size == self.size:
            outcome = self.method.run(case, material)
        else:
            own = material.photo.size
            outcome = self.method.run(case, replace(material, photo=_resized(material.photo, self.size)))
            notes += (f"made at {self.size[0]} x {self.size[1]} pixels and scaled to {own[0]} x {own[1]}",)
            outcome = replace(outcome, source=_resized(outcome.source, own), edited=_resized(outcome.edited, own))
        return replace(outcome, notes=(*notes, *outcome.notes))


def _missing(case: Case) -> list[tuple[str, str]]:
    sides = ((case.source_prompt, case.source_words), (case.target_prompt, case.target_words))
    return [(prompt, word) for prompt, words in sides for word in words if not occurrences(prompt, (word,))]


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture.resize(size, Image.Resampling.LANCZOS)
