"""Edits with their scores, best first: as a sheet, as JSON, and as pictures that carry their records."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from wordbrush.files import expanded, write_atomically
from wordbrush.json_form import to_plain
from wordbrush.pictures.save import save_plain_png
from wordbrush.runs.png import save_png
from wordbrush.runs.results import EditResult
from wordbrush.search.score import EditScore
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import draw_sheet

SCHEMA = 1
_MIN_SIDE = 160


@dataclass(frozen=True, eq=False)
class Scored:
    """An edit and its score; `label` says what is its own among those that it is ranked with, such as "seed 3"."""

    result: EditResult
    score: EditScore
    label: str

    def __repr__(self) -> str:
        """One line."""
        return f"<Scored {self.label}: {self.score}>"


class Ranking(list[Scored]):
    """Edits of one target prompt, best first."""

    @classmethod
    def of(cls, scored: Iterable[Scored]) -> "Ranking":
        """Rank edits by their scores."""
        return cls(sorted(scored, key=lambda one: -one.score.total))

    def sheet(self) -> Image:
        """All of them in their order, with their scores, beside their sources."""
        first = self[0].result
        shared = all(one.result.source is first.source for one in self)
        grids = [PictureGrid([Strip([Captioned(first.source.image, "source")])])] if shared else []
        for rank, one in enumerate(self, start=1):
            edited = Captioned(one.result.image, f"{rank}. {one.label}", str(one.score))
            before = [] if shared else [Captioned(one.result.source.image, "source")]
            grids.append(PictureGrid([Strip([*before, edited])]))
        title = f"'{first.source.prompt}' to '{first.target}'"
        return draw_sheet(grids, title=title, notes=f"model {first.record.model.name}", min_side=_MIN_SIDE)

    def to_json(self) -> str:
        """The scores, with each edit's record: `picture` is which of the record's edits it is, `file` its name where
        it is saved.
        """
        entries = [
            {
                "rank": rank,
                "label": one.label,
                "score": one.score.total,
                "parts": to_plain(one.score),
                "file": self._file(rank),
                "picture": one.result.index,
                "record": to_plain(one.result.record),
            }
            for rank, one in enumerate(self, start=1)
        ]
        return json.dumps({"schema": SCHEMA, "edits": entries}, indent=2, ensure_ascii=False) + "\n"

    def save(self, folder: str | Path) -> list[Path]:
        """Write `sheet.png`, `ranking.json`, and each edit as a picture that replays; returns the paths."""
        directory = expanded(folder)
        paths = [directory / "sheet.png", directory / "ranking.json"]
        save_plain_png(self.sheet(), paths[0])
        write_atomically(paths[1], self.to_json().encode())
        for rank, one in enumerate(self, start=1):
            paths.append(directory / self._file(rank))
            save_png(one.result.image, paths[-1], one.result.record, one.result.index)
        return paths

    def _file(self, rank: int) -> str:
        label = "-".join(word for word in self[rank - 1].label.replace(",", "").split())
        return f"{rank:02d}-{label}.png"
