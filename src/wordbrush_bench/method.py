"""A method: what turns a case into an edited picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from PIL.Image import Image

from wordbrush_bench.case import Case, Material


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method made of a case.

    `source` is the method's own picture of the source: the generated one, or what its inversion gives back of a photo.
    `seconds` is the time of the edit, `source_seconds` that of the source or the inversion, also when it was reused
    from the method before. `peak_bytes` is the highest memory above what was held before; None where it cannot be
    measured. `notes` say what a reader should know.
    """

    source: Image
    edited: Image
    seconds: float
    source_seconds: float
    peak_bytes: int | None = None
    notes: tuple[str, ...] = ()


class Method(Protocol):
    """A way to edit, with all its settings fixed."""

    @property
    def name(self) -> str:
        """What its row is called."""

    @property
    def settings(self) -> Mapping[str, object]:
        """All that its results depend on, as JSON has it: a run is resumed only with the same."""

    def refusal(self, case: Case) -> str | None:
        """Why it has no row for cases of this kind or origin; None where it has."""

    def run(self, case: Case, material: Material) -> Outcome:
        """Edit. May raise anything: the failure is recorded with its error, and counted."""
