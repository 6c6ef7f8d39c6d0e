"""Reading a file of captions, row by row: JSON lines, CSV or Parquet. A row that cannot be read is its reason."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wordbrush.errors import DataError
from wordbrush.files import open_regular
from wordbrush.pairs.formats import need_pyarrow
from wordbrush.pairs.row import OPTIONS

MAX_LINE = 1 << 20
"""Bytes of a row: a longer one is not read into memory."""

Raw = dict[str, Any] | str
"""A row's columns by name, or why it has none."""


def read_captions(path: Path) -> Iterator[Raw]:
    """The rows of a file, in order, never more than one block of them in memory.

    In CSV the first line names the columns; what is empty is left out, options are written as JSON, and a list of
    targets too (`["a cat", "a fox"]`). Raises `DataError` for a file that cannot be read at all.
    """
    readers = {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise DataError(f"'{path}' is of no kind that is read; give a file of the kind {', '.join(readers)}")
    try:
        yield from readers[path.suffix.lower()](path)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror or error}); give a file of captions") from None


def file_sha256(path: Path) -> str:
    """A hash of a file's bytes. Raises `DataError`."""
    try:
        with open_regular(path) as file:
            digest = hashlib.sha256()
            while block := file.read(MAX_LINE):
                digest.update(block)
            return digest.hexdigest()
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror}); give a file of captions") from None


def _lines(path: Path) -> Iterator[str | bytes]:
    """Each line as text; as bytes where it is none, or only its beginning where it is too long."""
    with open_regular(path) as file:
        while line := file.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE)
                yield b""
                continue
            try:
                yield line.decode("utf-8-sig").rstrip("\r\n")
            except UnicodeDecodeError:
                yield line


def _json_lines(path: Path) -> Iterator[Raw]:
    for line in _lines(path):
        if isinstance(line, bytes):
            yield _no_text(line)
        elif not line.strip():
            yield "the line is empty"
        else:
            yield _json_row(line)


def _json_row(line: str) -> Raw:
    try:
        row = json.loads(line, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"the line is not JSON ({error!s:.80})"
    return row if isinstance(row, dict) else "the line is not a JSON object"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _csv(path: Path) -> Iterator[Raw]:
    broken: list[bytes] = []

    def texts() -> Iterator[str]:
        for line in _lines(path):
            if isinstance(line, bytes):
                broken.append(line)
            yield "" if isinstance(line, bytes) else line + "\n"

    rows = csv.reader(texts(), strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"the line is not CSV ({error})"
            continue
        if broken:
            yield _no_text(broken.pop())
        elif header is None:
            header = [name.strip() for name in row]
            if len(set(header)) < len(header):
                raise DataError(f"'{path}' names a column twice in its first line; name each once")
        elif len(row) != len(header):
            yield f"the line has {len(row)} columns, and the first line names {len(header)}"
        else:
            yield _of_csv(dict(zip(header, row, strict=True)))


def _of_csv(cells: dict[str, str]) -> Raw:
    found: dict[str, Any] = {}
    for name, cell in cells.items():
        if not cell.strip():
            continue
        found[name] = cell
        if name in OPTIONS or (name in ("target", "instruction") and cell.lstrip().startswith("[")):
            try:
                found[name] = json.loads(cell, parse_constant=_no_constant)
            except (ValueError, RecursionError):
                if name not in OPTIONS:
                    return f"{name} begins like a list, and is not JSON"
                found[name] = cell  # a word: recipe, sampler
    return found


def _parquet(path: Path) -> Iterator[Raw]:
    need_pyarrow()
    import pyarrow
    from pyarrow import parquet

    try:
        with open_regular(path) as opened, parquet.ParquetFile(opened) as file:
            for batch in file.iter_batches(batch_size=256):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise DataError(f"'{path}' is not a whole Parquet file ({error!s:.80}); write it again") from None


def _no_text(line: bytes) -> str:
    return "the line is not UTF-8" if line else f"the line is longer than {MAX_LINE} bytes"
