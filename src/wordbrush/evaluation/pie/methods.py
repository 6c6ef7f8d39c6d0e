"""Ways to edit the photographs of PIE-Bench: the published Prompt-to-Prompt settings, and wordbrush's own."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import NULL_TEXT_MAX_PIXELS, EditSettings
from wordbrush.errors import SettingsError
from wordbrush.evaluation.case import Case, Material
from wordbrush.evaluation.method import Outcome
from wordbrush.evaluation.peak import PeakMemory
from wordbrush.evaluation.pie.blend_words import occurrences
from wordbrush.evaluation.pie.sources import Sources, SourceSettings, resized

PUBLISHED_STEPS, PUBLISHED_GUIDANCE = 50, 7.5
PUBLISHED_EQUALIZER = 2.0

PUBLISHED_INVERSIONS = {
    "ddim+p2p": "ddim",
    "null-text+p2p": "null-text",
    "negative-prompt+p2p": "negative-prompt",
    "direct+p2p": "direct",
}
"""Rows of the published table that wordbrush can run, and how they invert."""

OWN_INVERSIONS = ("direct", "edit-friendly", "negative-prompt", "null-text", "ddim", "fixed-point", "virtual")

METHOD_NAMES = (
    *PUBLISHED_INVERSIONS,
    *(f"{inversion}+wordbrush{blend}" for inversion in OWN_INVERSIONS for blend in ("", "-blend")),
)
"""Every method by name: `INVERSION+p2p` has the published settings, `INVERSION+wordbrush` ours, `-blend` with the local
blend of the case's words."""

DEFAULT_METHODS = ("direct+p2p", "direct+wordbrush", "direct+wordbrush-blend")


@dataclass(frozen=True)
class Recipe:
    """How a case's edit is set up.

    `published` is as PIE-Bench's runs of Prompt-to-Prompt have it (Ju et al. 2024, arXiv 2310.01506): refine, cross 0.4,
    self 0.6 in layers of up to 32 x 32, and where the case has blend words a local blend of them and double weight on
    the target's. Otherwise the edit is found in the prompts with the model's own windows; `blend` then adds the local
    blend of the case's words, or of the changed ones where it has none.
    """

    published: bool
    blend: bool

    def settings(self, case: Case, cross: float, self_: float) -> tuple[EditSettings, tuple[str, ...]]:
        """The edit's settings with the model's own windows `cross` and `self_`, and notes on the words."""
        source = occurrences(case.source_prompt, case.source_words)
        target = occurrences(case.target_prompt, case.target_words)
        notes = [
            f"'{word}' is not in the prompt '{prompt}'"
            for prompt, words in ((case.source_prompt, case.source_words), (case.target_prompt, case.target_words))
            for word in words
            if not occurrences(prompt, (word,))
        ]
        region = LocalBlend(words=(), source_words=source, target_words=(target,)) if source or target else None
        targets = [case.target_prompt]
        if self.published:
            weights = dict.fromkeys(target, PUBLISHED_EQUALIZER)
            return EditSettings.parse(targets, "refine", 0.4, 0.6, NULL_TEXT_MAX_PIXELS, weights, region), tuple(notes)
        if not self.blend:
            return EditSettings.parse(targets, "auto", cross, self_), ()
        chosen = region or LocalBlend()
        return EditSettings.parse(targets, "auto", cross, self_, local_blend=chosen), tuple(notes)


@dataclass(frozen=True, eq=False)
class PhotoEdit:
    """A method of the benchmark: inverts a photo (or generates the source), and edits it by a recipe."""

    name: str
    sources: Sources
    source: SourceSettings
    recipe: Recipe

    @property
    def settings(self) -> Mapping[str, object]:
        """All that its results depend on."""
        return {"source": asdict(self.source), "recipe": asdict(self.recipe)}

    def refusal(self, case: Case) -> str | None:
        """It takes every case."""
        return None

    def run(self, case: Case, material: Material) -> Outcome:
        """Edit a case's photo; the edit comes back at the photo's own size."""
        editor = self.sources.editor
        source, source_seconds = self.sources.of(case, material, self.source)
        defaults = editor.model.defaults
        settings, notes = self.recipe.settings(case, defaults.cross_replace_steps, defaults.self_replace_steps)
        started = time.perf_counter()
        with PeakMemory(editor.model.device) as peak:
            result = editor.apply(source, settings)[0]
        seconds = time.perf_counter() - started
        size = source.image.size if material.photo is None else material.photo.size
        if size != source.image.size:
            notes += (f"made at {source.image.width} x {source.image.height} pixels and enlarged",)
        return Outcome(
            source=resized(source.image, size),
            edited=resized(result.image, size),
            seconds=seconds,
            source_seconds=source_seconds,
            peak_bytes=peak.bytes,
            notes=(*notes, *result.record.warnings),
        )


def pie_methods(
    sources: Sources, names: Sequence[str] = DEFAULT_METHODS, num_inference_steps: int | None = None
) -> list[PhotoEdit]:
    """Methods by name; `num_inference_steps` is in place of all of their own, for a quick look.

    Raises `SettingsError` for an unknown name, naming those that are there.
    """
    return [_method(sources, name, num_inference_steps) for name in names]


def _method(sources: Sources, name: str, steps: int | None) -> PhotoEdit:
    if name not in METHOD_NAMES:
        raise SettingsError(f"there is no method '{name:.60}'; give some of {', '.join(METHOD_NAMES)}")
    if name in PUBLISHED_INVERSIONS:
        source = SourceSettings(PUBLISHED_INVERSIONS[name], steps or PUBLISHED_STEPS, PUBLISHED_GUIDANCE)
        return PhotoEdit(name, sources, source, Recipe(published=True, blend=True))
    inversion = name.partition("+")[0]
    recipe = Recipe(published=False, blend=name.endswith("-blend"))
    return PhotoEdit(name, sources, SourceSettings(inversion, steps, None), recipe)
