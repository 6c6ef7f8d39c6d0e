"""Methods that an editor does: its edits, the plain picture they are compared with, and references without an edit."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL.Image import Image

from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import EditOptions
from wordbrush.json_form import to_plain
from wordbrush.peak import PeakMemory
from wordbrush.runs.results import EditResult
from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.sources import MadeSource, Sources, SourceSettings


@dataclass(frozen=True, eq=False)
class EditMethod:
    """An edit with fixed settings: `options` are those of `Editor.edit` that are not at their defaults.

    Options may also be worked out of each case (the words of a blend, the published kind of edit): then `rule` says
    how, in words, for the record. `photographs_only` is for rows that differ in their inversion alone.
    """

    name: str
    sources: Sources
    editor: Editor
    source: SourceSettings = field(default_factory=SourceSettings)
    options: EditOptions = field(default_factory=EditOptions)
    per_case: Callable[[Case], EditOptions] | None = None
    rule: str = ""
    photographs_only: bool = False

    @property
    def settings(self) -> Mapping[str, object]:
        """The source's settings, the edit's, and the model's defaults that stand where they say nothing."""
        return {
            "source": to_plain(self.source),
            "edit": {name: _plain(value) for name, value in self.options.items()},
            "rule": self.rule,
            "defaults": to_plain(self.editor.model.defaults),
        }

    def refusal(self, case: Case) -> str | None:
        """Why it has no row for a case."""
        if self.photographs_only and case.origin != "photograph":
            return "an inversion is for photographs"
        return None

    def run(self, case: Case, material: Material) -> Outcome:
        """Edit the case's source."""
        own = self.per_case(case) if self.per_case else EditOptions()
        options: EditOptions = {**self.options, **own}
        made = self.sources.of(case, material, self.source)

        def edit() -> EditResult:
            return self.editor.edit(made.source, case.target_prompt, **options)

        result, outcome = _timed(self.editor, made, edit)
        return outcome(result.image, result.record.warnings)


@dataclass(frozen=True, eq=False)
class PlainMethod:
    """The same seed with the target's prompt, and no attention control at all."""

    name: str
    sources: Sources
    editor: Editor
    source: SourceSettings

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of the generation, and the model's defaults that stand where they say nothing."""
        return {"source": to_plain(self.source), "defaults": to_plain(self.editor.model.defaults)}

    def refusal(self, case: Case) -> str | None:
        """A photograph was not drawn from a seed."""
        return None if case.origin == "generated" else "a photograph has no seed to draw another prompt from"

    def run(self, case: Case, material: Material) -> Outcome:
        """Draw the target prompt."""
        made = self.sources.of(case, material, self.source)
        plain, outcome = _timed(self.editor, made, lambda: self.editor.regenerate(made.source, case.target_prompt))
        return outcome(plain.image, ())


@dataclass(frozen=True, eq=False)
class UntouchedMethod:
    """No edit: what the source alone is, which bounds what any row can hold still."""

    name: str
    sources: Sources
    source: SourceSettings

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of the source."""
        return {"source": to_plain(self.source)}

    def refusal(self, case: Case) -> str | None:
        """It is for all."""
        return None

    def run(self, case: Case, material: Material) -> Outcome:
        """Give the source."""
        made = self.sources.of(case, material, self.source)
        return Outcome(made.source.image, made.source.image, 0.0, made.seconds)


@dataclass(frozen=True, eq=False)
class PerfectMethod:
    """The perfect edit itself: what the meters say of it is the most that they can say."""

    name: str

    @property
    def settings(self) -> Mapping[str, object]:
        """None."""
        return {}

    def refusal(self, case: Case) -> str | None:
        """A generated picture has no perfect edit."""
        return None if case.origin == "photograph" else "a generated picture has no perfect edit"

    def run(self, case: Case, material: Material) -> Outcome:
        """Give the perfect edit."""
        assert material.photo is not None
        assert material.perfect is not None
        return Outcome(material.photo, material.perfect, 0.0, 0.0)


def _timed(
    editor: Editor, made: MadeSource, edit: Callable[[], Any]
) -> tuple[Any, Callable[[Image, tuple[str, ...]], Outcome]]:
    """What an edit gives, and a function that packs a picture with its time and memory."""
    with PeakMemory(editor.model.device) as peak:
        started = time.perf_counter()
        result = edit()
        seconds = time.perf_counter() - started

    def outcome(edited: Image, notes: tuple[str, ...]) -> Outcome:
        peaks = [size for size in (made.peak_bytes, peak.bytes) if size is not None]
        return Outcome(made.source.image, edited, seconds, made.seconds, max(peaks, default=None), notes)

    return result, outcome


def _plain(value: object) -> object:
    return to_plain(value) if isinstance(value, LocalBlend) else value
