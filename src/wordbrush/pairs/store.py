"""The folder of a set: one writer, a journal, a part for each row, and shards made of parts.

Whatever is written has another name until it is whole and on the disk, and counts when the journal says so and its
hash agrees. Whatever stops the writer, what counts is whole, and what does not is made again.
"""

import heapq
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from wordbrush.errors import OutputError, RecordError
from wordbrush.files import is_partial, write_atomically
from wordbrush.lines import LineWriter, an_object, check_same, read_lines
from wordbrush.pairs.formats import FORMATS, sha256_of
from wordbrush.pairs.part import Outcome, Part
from wordbrush.pairs.sample import File, Sample, read_tar, tar_bytes

SCHEMA = 1
LOOKS = 24
"""How many kept and how many refused tries a set has small pictures of."""


@dataclass(frozen=True)
class Shard:
    """The files of so many rows, by their place: pairs, a line for each row, small pictures."""

    out: Path
    index: int
    format: str

    @property
    def paths(self) -> dict[str, Path]:
        """The three of them by kind."""
        name = f"{self.index:05}"
        return {
            "data": self.out / "data" / f"{name}{FORMATS[self.format][0]}",
            "rows": self.out / "rows" / f"{name}.jsonl",
            "looks": self.out / "looks" / f"{name}.tar",
        }

    def outcomes(self) -> list[Outcome]:
        """What came of its rows, in order."""
        return [Outcome.of_line(line) for line in self.paths["rows"].read_bytes().splitlines()]

    def looks(self) -> list[File]:
        """Its small pictures, by name."""
        return read_tar(self.paths["looks"].read_bytes())


class Store:
    """The folder, held by one writer; a context manager. Raises `OutputError`, `RecordError`."""

    def __init__(self, out: Path, format: str, depends_on: Mapping[str, object]) -> None:
        """Take the folder: raise when another writer has it, or it was begun otherwise."""
        self._out, self._format = out, format
        with ExitStack() as held:
            held.callback(_locked(out).close)
            for folder in (out, *(out / name for name in ("data", "rows", "looks", "parts"))):
                _clear(folder)
            self._journal = LineWriter(out / "journal.jsonl")
            held.callback(self._journal.close)
            self._parts: dict[int, str] = {}
            self._shards: dict[int, dict[str, object]] = {}
            if self._journal.begun:
                self._read(depends_on)
            else:
                self._journal.append({"schema": SCHEMA, "set": depends_on})
            self._held = held.pop_all()

    def shard(self, index: int) -> Shard:
        """The shard of a place, whether it is there or not."""
        return Shard(self._out, index, self._format)

    def has_shard(self, index: int) -> bool:
        """Whether the journal has a shard and its files are the very ones."""
        hashes = self._shards.get(index)
        return hashes is not None and hashes == _hashes(self.shard(index))

    def part(self, row: int) -> Part | None:
        """The part of a row, if the journal has it and its file is the very one."""
        path = self._part_path(row)
        if row not in self._parts or self._parts[row] != sha256_of(path):
            return None
        return Part.of_bytes(path.read_bytes())

    def keep_part(self, row: int, content: bytes) -> None:
        """Write the part of a row, for good."""
        path = self._part_path(row)
        write_atomically(path, content)
        sha = sha256_of(path)
        assert sha is not None
        self._journal.append({"part": row, "sha256": sha})
        self._parts[row] = sha

    def write_shard(self, index: int, rows: Sequence[int], errors: Mapping[int, Outcome]) -> Shard:
        """Make a shard of its rows, in order, each of which has a part or is in `errors`; then remove the parts."""
        shard = self.shard(index)
        paths = shard.paths
        outcomes: list[Outcome] = []
        looks: list[File] = []

        def samples() -> Iterator[Sample]:
            for row in rows:
                part = Part(errors[row]) if row in errors else self.part(row)
                if part is None:
                    raise OutputError(f"the part of row {row} was changed by another program; run again")
                outcomes.append(part.outcome)
                looks.extend(part.looks)
                yield from part.samples

        FORMATS[self._format][1](samples(), paths["data"])
        write_atomically(paths["rows"], b"".join(outcome.line() for outcome in outcomes))
        write_atomically(paths["looks"], tar_bytes(fewest(looks)))
        hashes = _hashes(shard)
        self._journal.append({"shard": index, "sha256": hashes})
        self._shards[index] = hashes
        self.forget_parts(rows)
        return shard

    def forget_parts(self, rows: Sequence[int]) -> None:
        """Remove the parts of rows whose shard is there."""
        for row in rows:
            if self._parts.pop(row, None) is not None:
                with suppress(OSError):
                    self._part_path(row).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let another writer in."""
        self._held.close()

    def _part_path(self, row: int) -> Path:
        return self._out / "parts" / f"{row:010}.tar"

    def _read(self, depends_on: Mapping[str, object]) -> None:
        path = self._out / "journal.jsonl"
        for number, (where, entry) in enumerate(read_lines(path)):
            if number == 0:
                if entry.get("schema") != SCHEMA:
                    raise RecordError(f"{where} has schema {entry.get('schema')!r:.20}, not {SCHEMA}; use another OUT")
                check_same(path, "the set", an_object(entry.get("set"), where, "is no head"), depends_on)
            elif isinstance(entry.get("part"), int):
                self._parts[int(str(entry["part"]))] = str(entry.get("sha256"))
            elif isinstance(entry.get("shard"), int):
                self._shards[int(str(entry["shard"]))] = an_object(entry.get("sha256"), where, "has no hashes")
            else:
                raise RecordError(f"{where} is neither a part nor a shard; take the line out")


def fewest(looks: Sequence[File]) -> list[File]:
    """Of small pictures those with the lowest lots, `LOOKS` of each kind: the same whatever order they came in."""
    return [
        one
        for kind in ("kept/", "refused/")
        for one in heapq.nsmallest(LOOKS, (look for look in looks if look[0].startswith(kind)))
    ]


def _hashes(shard: Shard) -> dict[str, object]:
    return {kind: sha256_of(path) for kind, path in shard.paths.items()}


def _clear(folder: Path) -> None:
    """Remove what writes left that were cut short."""
    if folder.is_dir():
        for path in folder.iterdir():
            if is_partial(path):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def _locked(out: Path) -> IO[bytes]:
    """The folder's lock, held until the file is closed, or its process ends however it ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / ".lock").open("ab")
    except OSError as error:
        raise OutputError(f"'{out}' cannot be written ({error.strerror}); choose another folder") from None
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise OutputError(f"another run writes to '{out}'; wait for it, or choose another folder") from None
    return file
