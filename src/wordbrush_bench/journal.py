"""The journal of a run: a line for each thing done, from which a stopped run goes on.

The first line says what the whole run depends on; then come a row for each case and method, and before a method's
first row its settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wordbrush.errors import RecordError
from wordbrush.json_form import from_plain, to_plain
from wordbrush.lines import LineWriter, an_object, check_same, read_lines

SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """What came of a case, whose source and target `prompts` are here too, by a method.

    `values` holds the numbers of columns, `gaps` the reasons of those without one. `error` says why there is no
    picture at all: the row is a failure. `refused` says that the method is not for such cases, which is neither.
    `pictures` are file names in the run's folder by what they show.
    """

    case: str
    kind: str
    origin: str
    prompts: tuple[str, str]
    method: str
    values: Mapping[str, float]
    gaps: Mapping[str, str]
    error: str | None
    refused: str | None
    notes: tuple[str, ...]
    pictures: Mapping[str, str]


@dataclass(frozen=True)
class Journal:
    """A journal that was read: what the run depends on, the settings of its methods by name, and its rows."""

    run: Mapping[str, object]
    methods: Mapping[str, Mapping[str, object]]
    rows: tuple[Row, ...]


class JournalWriter:
    """Appends to a journal, or begins one; a context manager. Raises `RecordError` when the run is not the same."""

    def __init__(self, path: Path, run: Mapping[str, object], methods: Mapping[str, Mapping[str, object]]) -> None:
        """Open it; `run` and the methods' settings must be those of what is there already."""
        self._lines = LineWriter(path)
        try:
            kept = read_journal(path) if self._lines.begun else Journal(run, {}, ())
            check_same(path, "the run", kept.run, run)
            for name in (
                name for name in methods if name in kept.methods
            ):  # in order, so that one run tells one thing
                check_same(path, f"'{name}'", kept.methods[name], methods[name])
        except RecordError:
            self._lines.close()
            raise
        self.done = {(row.case, row.method): row for row in kept.rows}
        self._methods = dict(methods)
        self._told = set(kept.methods)
        if not self._lines.begun:
            self._lines.append({"schema": SCHEMA, "run": run})

    def add(self, row: Row) -> None:
        """Append a row, for good: it is on the disk when this returns."""
        if row.method not in self._told:
            self._lines.append({"method": row.method, "settings": self._methods[row.method]})
            self._told.add(row.method)
        self._lines.append({"row": to_plain(row)})
        self.done[row.case, row.method] = row

    def __enter__(self) -> "JournalWriter":
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._lines.close()


def read_journal(path: Path) -> Journal:
    """Read a whole journal. Raises `RecordError` naming the file and the line."""
    run: Mapping[str, object] = {}
    methods: dict[str, Mapping[str, object]] = {}
    rows: list[Row] = []
    for number, (where, entry) in enumerate(read_lines(path)):
        if number == 0:
            run = an_object(entry.get("run"), f"{where} run", "is not the head of a journal")
            if entry.get("schema") != SCHEMA:
                raise RecordError(f"{where} has schema {entry.get('schema')!r:.20}, not {SCHEMA}; use another folder")
        elif "row" in entry:
            row = from_plain(Row, entry["row"], where)
            if row.method not in methods:
                raise RecordError(f"{where} is a row of '{row.method:.60}', whose settings no line gives")
            rows.append(row)
        elif isinstance(entry.get("method"), str):
            methods[str(entry["method"])] = an_object(entry.get("settings"), f"{where} settings", "is missing")
        else:
            raise RecordError(f"{where} is neither a row nor a method's settings; take the line out, or start anew")
    return Journal(run, methods, tuple(rows))
