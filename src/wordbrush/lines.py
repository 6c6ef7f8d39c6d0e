"""A file of JSON lines that is only appended to: a line is on the disk when it counts, so that a stopped run resumes.

The first line says what the whole run depends on. A last line that a kill cut short is taken off; any other that is
not whole is an error, for it was not this program that wrote it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from wordbrush.errors import OutputError, RecordError
from wordbrush.files import sync_folder


class LineWriter:
    """Appends to a file of lines, or begins one. Raises `OutputError`."""

    def __init__(self, path: Path) -> None:
        """Take off a line that was cut short; `begun` says whether anything is left to resume from."""
        self._path = path
        self.begun = _cut_short(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            sync_folder(path.parent)
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written ({error.strerror}); choose another folder") from None

    def append(self, line: Mapping[str, object]) -> None:
        """Append a line, for good: it is on the disk when this returns."""
        try:
            self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(
                f"'{self._path}' cannot be written ({error.strerror}); make room and run again"
            ) from None

    def close(self) -> None:
        """Close the file; a line that could not be written is dropped, and cut off where it is half written."""
        with suppress(OSError):
            self._file.close()


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Each line's object, and what errors call its place. Raises `RecordError` naming the file and the line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordError(f"'{path}' cannot be read ({error.strerror}); give the folder of a run") from None
    if lines.pop():
        raise RecordError(f"'{path}', line {len(lines) + 1}, is cut short; run the same command again to go on")
    if not lines:
        raise RecordError(f"'{path}' is empty; delete it and run again")
    for number, line in enumerate(lines, start=1):
        where = f"'{path}', line {number},"
        try:
            parsed = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RecordError(
                f"{where} is not JSON ({error!s:.80}); take the line out, or start in another folder"
            ) from None
        yield where, an_object(parsed, where, "is not an object")


def an_object(value: object, where: str, problem: str) -> dict[str, object]:
    """A part of a line that must be an object. Raises `RecordError`."""
    if not isinstance(value, dict):
        raise RecordError(f"{where} {problem}; use another folder")
    return value


def check_same(path: Path, what: str, kept: Mapping[str, object], given: Mapping[str, object]) -> None:
    """Raise `RecordError` where a run that resumes is not the one that was begun."""
    now = json.loads(json.dumps(given))
    for name in [*now, *(name for name in kept if name not in now)]:
        if kept.get(name) != now.get(name):
            raise RecordError(
                f"'{path}' was begun with another {name} of {what} ({kept.get(name)!r:.60}, "
                f"now {now.get(name)!r:.60}); use the same, or another folder"
            )


def _cut_short(path: Path) -> bool:
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
