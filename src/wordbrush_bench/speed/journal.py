"""What a speed run has measured: a line for each comparison, process and point, from which a stopped run resumes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from wordbrush.errors import RecordError
from wordbrush.json_form import from_plain, to_plain
from wordbrush.lines import LineWriter, an_object, check_same, read_lines

JOURNAL = "speed.jsonl"

_Made = TypeVar("_Made")


class SpeedJournal:
    """Measures each thing once: what a line of its file has is not measured again. A context manager.

    `run` is what all measurements depend on. Raises `RecordError` for a file of another run, or a broken one.
    """

    def __init__(self, path: Path, run: Mapping[str, object]) -> None:
        """Open it, or begin it."""
        self._kept: dict[str, tuple[str, object]] = {}
        self._lines = LineWriter(path)
        try:
            if self._lines.begun:
                self._read(path, run)
            else:
                self._lines.append({"run": run})
        except RecordError:
            self._lines.close()
            raise

    def once(self, kind: type[_Made], name: str, measure: Callable[[], _Made]) -> _Made:
        """What was measured under a name, or is measured now and kept."""
        if name in self._kept:
            where, plain = self._kept[name]
            return from_plain(kind, plain, where)
        made = measure()
        self._lines.append({"name": name, "measured": to_plain(made)})
        return made

    def _read(self, path: Path, run: Mapping[str, object]) -> None:
        for number, (where, entry) in enumerate(read_lines(path)):
            if number == 0:
                check_same(path, "the run", an_object(entry.get("run"), f"{where} run", "is not of a speed run"), run)
            else:
                self._kept[str(entry.get("name"))] = where, entry.get("measured")

    def __enter__(self) -> "SpeedJournal":
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._lines.close()
