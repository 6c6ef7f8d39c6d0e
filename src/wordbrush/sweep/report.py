"""What a sweep did, as JSON: each cell's settings, record and numbers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from wordbrush.errors import RecordError
from wordbrush.json_form import from_plain, to_plain
from wordbrush.metrics.likeness import psnr
from wordbrush.runs.record import RunRecord
from wordbrush.sweep.grid import Sweep
from wordbrush.sweep.run import Cell

SCHEMA = 1


@dataclass(frozen=True)
class SeedEntry:
    """The two pictures that a seed's cells share: the source, and the plain picture of the target."""

    seed: int
    source: RunRecord
    plain: RunRecord
    plain_psnr_to_source: float | None


@dataclass(frozen=True)
class CellEntry:
    """One cell: `values` as the axes go, the picture's likeness in dB (None: equal pixels), its record.

    `acted` is False where its settings select no step; its picture and record are then the plain ones.
    """

    seed: int
    values: tuple[float, ...]
    acted: bool
    controlled_calls: int
    psnr_to_source: float | None
    psnr_to_plain: float | None
    record: RunRecord


@dataclass(frozen=True)
class SweepReport:
    """A sweep and as many of its cells as were made."""

    sweep: Sweep
    seeds: tuple[SeedEntry, ...]
    cells: tuple[CellEntry, ...]
    schema: int = SCHEMA

    @classmethod
    def of(cls, sweep: Sweep, cells: Sequence[Cell]) -> "SweepReport":
        """The report of finished cells."""
        seeds = {
            cell.settings.seed: SeedEntry(
                cell.settings.seed,
                cell.source.record,
                cell.plain.record,
                psnr(cell.plain.image, cell.source.image),
            )
            for cell in cells
        }
        return cls(sweep, tuple(seeds.values()), tuple(map(_entry, cells)))

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(to_plain(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "the report") -> "SweepReport":
        """Read what `to_json` wrote; `where` is what errors call it. Raises `RecordError` naming the wrong field."""
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{where} is not JSON ({error}); give a sweep.json that wordbrush wrote") from None
        return from_plain(cls, plain, where)


def _entry(cell: Cell) -> CellEntry:
    return CellEntry(
        cell.settings.seed,
        cell.settings.values,
        cell.acted,
        cell.record.controlled_calls,
        psnr(cell.image, cell.source.image),
        psnr(cell.image, cell.plain.image),
        cell.record,
    )
