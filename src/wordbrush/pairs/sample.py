"""A pair as files, and files as a tar whose bytes depend on nothing but them."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from wordbrush.errors import RecordError

File = tuple[str, bytes]


@dataclass(frozen=True)
class Sample:
    """A pair: its `key`, which no other pair has, both pictures as PNG, and what is known of them."""

    key: str
    before: bytes
    after: bytes
    about: Mapping[str, object]

    def files(self) -> Iterator[File]:
        """The files of the pair, as WebDataset names them."""
        yield f"{self.key}.after.png", self.after
        yield f"{self.key}.before.png", self.before
        yield f"{self.key}.json", json_line(self.about)


def json_line(value: object) -> bytes:
    """A value as one line of JSON, always the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def write_tar(files: Iterable[File], to: IO[bytes]) -> None:
    """Write a tar: no times, no owners, in the order of the files."""
    with tarfile.open(fileobj=to, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))


def tar_bytes(files: Iterable[File]) -> bytes:
    """A tar in memory.

    >>> [(name, len(content)) for name, content in read_tar(tar_bytes([("a.json", b"{}")]))]
    [('a.json', 2)]
    """
    buffer = io.BytesIO()
    write_tar(files, buffer)
    return buffer.getvalue()


def read_tar(content: bytes) -> list[File]:
    """The files of a tar that `write_tar` wrote. Raises `RecordError` for anything else."""
    found = []
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for entry in tar:
                file = tar.extractfile(entry)
                if file is None:
                    raise tarfile.TarError("an entry is no file")
                found.append((entry.name, file.read()))
    except tarfile.TarError as error:
        raise RecordError(f"a part of the set is not whole ({error}); delete its file and run again") from None
    return found


def samples_of(files: Iterable[File]) -> list[Sample]:
    """The pairs that `Sample.files` made files of, in their order."""
    parts: dict[str, dict[str, bytes]] = {}
    for name, content in files:
        key, _, kind = name.partition(".")
        parts.setdefault(key, {})[kind] = content
    return [
        Sample(key, part["before.png"], part["after.png"], json.loads(part["json"])) for key, part in parts.items()
    ]
