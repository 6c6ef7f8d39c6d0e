"""Sources: made once for all methods of a case that start from the same."""

import time
from dataclasses import dataclass

from wordbrush.editor import Editor
from wordbrush.inversion.settings import InversionSettings
from wordbrush.peak import PeakMemory
from wordbrush.runs.results import Source
from wordbrush_bench.case import Case, Material


@dataclass(frozen=True)
class SourceSettings:
    """How a method makes its source: steps, guidance, and how it inverts a photograph (None: the model's own), by
    name or with settings.
    """

    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    inversion: str | InversionSettings | None = None


@dataclass(frozen=True, eq=False)
class MadeSource:
    """A source, the seconds that it took, and its peak memory where that can be measured."""

    source: Source
    seconds: float
    peak_bytes: int | None


class Sources:
    """Makes sources with one editor, and keeps those of the case at hand."""

    def __init__(self, editor: Editor) -> None:
        """Begin with none."""
        self._editor = editor
        self._case: Case | None = None
        self._made: list[tuple[SourceSettings, MadeSource]] = []

    def of(self, case: Case, material: Material, settings: SourceSettings) -> MadeSource:
        """The source of a case: its photo inverted, or its prompt drawn."""
        if case is not self._case:
            self._case, self._made = case, []
        for kept, made in self._made:
            if kept == settings:
                return made
        started = time.perf_counter()
        with PeakMemory(self._editor.model.device) as peak:
            source = self._make(case, material, settings)
        made = MadeSource(source, time.perf_counter() - started, peak.bytes)
        self._made.append((settings, made))
        return made

    def _make(self, case: Case, material: Material, settings: SourceSettings) -> Source:
        if material.photo is None:
            return self._editor.generate(
                case.source_prompt,
                seed=case.seed,
                num_inference_steps=settings.num_inference_steps,
                guidance_scale=settings.guidance_scale,
            )
        return self._editor.invert(
            material.photo,
            case.source_prompt,
            method=settings.inversion,
            seed=case.seed,
            num_inference_steps=settings.num_inference_steps,
            guidance_scale=settings.guidance_scale,
        )
