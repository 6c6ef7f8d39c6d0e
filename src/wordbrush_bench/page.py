"""A page to look through a run's cases: one HTML file, nothing fetched, the worst cases first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordbrush.views.templates import render
from wordbrush_bench.journal import Row
from wordbrush_bench.markdown import number
from wordbrush_bench.runner import PICTURES

MOST_CASES = 240
"""A page of more would be slow to open; the rest is in the JSON."""

_GIVEN = {"photo": "photograph", "source": "source", "perfect": "perfect edit", "mask": "may change, white"}


@dataclass(frozen=True)
class _ShownCase:
    """A case as the page shows it: its labelled pictures (None where one is missing), and a method's edit each."""

    name: str
    kind: str
    origin: str
    source: str
    target: str
    given: Sequence[tuple[str, bytes | None]]
    edits: Sequence["_ShownEdit"]


@dataclass(frozen=True)
class _ShownEdit:
    """A method's picture of a case; `success` is None where none was asked, and `lines` are its numbers and notes."""

    method: str
    picture: bytes | None
    error: str | None
    success: bool | None
    lines: Sequence[str]


def cases_page(rows: Sequence[Row], folder: Path, title: str, about: Sequence[str], show: Sequence[str]) -> str:
    """The page, as HTML.

    Cases are ordered by how many methods failed at them, by an error or by the column "success"; the worst come first.

    Args:
        rows: of the run's journal.
        folder: the run's folder; pictures are read from it.
        title: the page's title.
        about: lines on the run, at the head of the page.
        show: the columns whose numbers stand under each picture.
    """
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        if row.refused is None:
            by_case.setdefault(row.case, []).append(row)
    ordered = sorted(by_case.values(), key=lambda own: -sum(map(_badness, own)) / len(own))
    shown = ordered[:MOST_CASES]
    left = f" The page shows the {len(shown)} worst of {len(ordered)}." if len(shown) < len(ordered) else ""
    order = f"{len(ordered)} cases, those first that most methods fail at.{left}"
    cases = [_case(own, folder, show) for own in shown]
    return render("wordbrush_bench", "cases.html", title=title, about=[*about, order], cases=cases)


def _badness(row: Row) -> float:
    """2 for an error, 1 for no success, 0 for a success or where none is asked."""
    return 2.0 if row.error is not None else 1 - row.values.get("success", 1.0)


def _case(rows: Sequence[Row], folder: Path, show: Sequence[str]) -> _ShownCase:
    first = rows[0]
    pictures: Mapping[str, str] = next((row.pictures for row in rows if row.pictures), {})
    given = [(label, _read(folder, pictures[what])) for what, label in _GIVEN.items() if what in pictures]
    edits = [_edit(row, folder, show) for row in rows]
    return _ShownCase(first.case, first.kind, first.origin, *first.prompts, given, edits)


def _edit(row: Row, folder: Path, show: Sequence[str]) -> _ShownEdit:
    if row.error is not None:
        return _ShownEdit(row.method, None, row.error, None, ())
    success = row.values.get("success")
    numbers = [f"{name} {number(row.values[name])}" for name in show if name in row.values]
    picture = _read(folder, row.pictures["edited"]) if "edited" in row.pictures else None
    return _ShownEdit(row.method, picture, None, None if success is None else bool(success), [*numbers, *row.notes])


def _read(folder: Path, file: str) -> bytes | None:
    """A picture of the run, and none from elsewhere; None where it is missing."""
    path = folder / PICTURES / Path(file).name
    return path.read_bytes() if path.is_file() else None
