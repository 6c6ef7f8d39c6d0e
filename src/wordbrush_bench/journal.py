"""The journal of a run: a line for each thing done, appended and synced, from which a stopped run goes on.

The first line says what the whole run depends on; then come a row for each case and method, and before a method's
first row its settings. A last line that a kill cut short is taken off; any other that is not whole is an error, for it
was not this program that wrote it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wordbrush.errors import OutputError, RecordError
from wordbrush.json_form import from_plain, to_plain

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
        self._path = path
        begun = _cut_short(path)
        kept = read_journal(path) if begun else Journal(run, {}, ())
        _check_same(path, "the run", kept.run, run)
        for name in (name for name in methods if name in kept.methods):  # in order, so that one run tells one thing
            _check_same(path, f"'{name}'", kept.methods[name], methods[name])
        self.done = {(row.case, row.method): row for row in kept.rows}
        self._methods = dict(methods)
        self._told = set(kept.methods)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written ({error.strerror}); choose another folder") from None
        if not begun:
            self._append({"schema": SCHEMA, "run": run})

    def add(self, row: Row) -> None:
        """Append a row, for good: it is on the disk when this returns."""
        if row.method not in self._told:
            self._append({"method": row.method, "settings": self._methods[row.method]})
            self._told.add(row.method)
        self._append({"row": to_plain(row)})
        self.done[row.case, row.method] = row

    def _append(self, line: Mapping[str, object]) -> None:
        try:
            self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(
                f"'{self._path}' cannot be written ({error.strerror}); make room and run again"
            ) from None

    def __enter__(self) -> "JournalWriter":
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()


def read_journal(path: Path) -> Journal:
    """Read a whole journal. Raises `RecordError` naming the file and the line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordError(f"'{path}' cannot be read ({error.strerror}); give the folder of a run") from None
    if lines.pop():
        raise RecordError(f"'{path}', line {len(lines) + 1}, is cut short; run the same command again to go on")
    if not lines:
        raise RecordError(f"'{path}' is empty; delete it and run again")
    run: Mapping[str, object] = {}
    methods: dict[str, Mapping[str, object]] = {}
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        where = f"'{path}', line {number},"
        entry = _entry(line, where)
        if number == 1:
            run = _object(entry.get("run"), f"{where} run", "is not the head of a journal")
            if entry.get("schema") != SCHEMA:
                raise RecordError(f"{where} has schema {entry.get('schema')!r:.20}, not {SCHEMA}; use another folder")
        elif "row" in entry:
            row = from_plain(Row, entry["row"], where)
            if row.method not in methods:
                raise RecordError(f"{where} is a row of '{row.method:.60}', whose settings no line gives")
            rows.append(row)
        elif isinstance(entry.get("method"), str):
            methods[str(entry["method"])] = _object(entry.get("settings"), f"{where} settings", "is missing")
        else:
            raise RecordError(f"{where} is neither a row nor a method's settings; take the line out, or start anew")
    return Journal(run, methods, tuple(rows))


def _entry(line: bytes, where: str) -> dict[str, object]:
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{where} is not JSON ({error!s:.80}); take the line out, or start in another folder"
        ) from None
    return _object(parsed, where, "is not an object")


def _object(value: object, where: str, problem: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise RecordError(f"{where} {problem}; use another folder")
    return value


def _cut_short(path: Path) -> bool:
    """Take off a last line that a kill cut short; whether anything is there to go on from."""
    if not path.exists():
        return False
    try:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be gone on with ({error.strerror}); choose another folder") from None
    return whole > 0


def _check_same(path: Path, what: str, kept: Mapping[str, object], given: Mapping[str, object]) -> None:
    now = json.loads(json.dumps(given))
    for name in [*now, *(name for name in kept if name not in now)]:
        if kept.get(name) != now.get(name):
            raise RecordError(
                f"'{path}' was begun with another {name} of {what} ({kept.get(name)!r:.60}, "
                f"now {now.get(name)!r:.60}); use the same, or another --out"
            )
