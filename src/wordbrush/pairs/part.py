"""What is made of one row, as one file: what came of it, its pairs, and a few small pictures to look at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from wordbrush.errors import RecordError
from wordbrush.json_form import from_plain, to_plain
from wordbrush.pairs.sample import File, Sample, json_line, read_tar, samples_of, tar_bytes

_OUTCOME, _LOOK = "outcome.json", "look/"


@dataclass(frozen=True)
class Outcome:
    """What came of a row: how many tries there were, how many are pairs, and why others are not, by reason.

    `error` is why nothing could be made of it. `row` is its number in the file, `address` its hash.
    """

    row: int
    id: str = ""
    address: str = ""
    tries: int = 0
    kept: int = 0
    rejected: Mapping[str, int] | None = None
    error: str | None = None

    def line(self) -> bytes:
        """One line of JSON."""
        return json_line(to_plain(self))

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """Read what `line` wrote. Raises `RecordError`."""
        try:
            plain = json.loads(line)
        except ValueError as error:
            raise RecordError(f"an outcome is not JSON ({error!s:.60}); delete the set and make it again") from None
        return from_plain(cls, plain, "an outcome")


@dataclass(frozen=True)
class Part:
    """One row's outcome, its pairs, best first, and `looks`: small pictures of a kept and of a rejected try, each a
    PNG of both pictures side by side, by name.
    """

    outcome: Outcome
    samples: Sequence[Sample] = ()
    looks: Sequence[File] = ()

    def to_bytes(self) -> bytes:
        """The part as a tar."""
        files = [(_OUTCOME, self.outcome.line()), *(file for sample in self.samples for file in sample.files())]
        return tar_bytes([*files, *((_LOOK + name, content) for name, content in self.looks)])

    @classmethod
    def of_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` wrote. Raises `RecordError`."""
        files = read_tar(content)
        if not files or files[0][0] != _OUTCOME:
            raise RecordError("a part of the set has no outcome; delete its file and run again")
        looks = [(name.removeprefix(_LOOK), file) for name, file in files if name.startswith(_LOOK)]
        samples = samples_of(file for file in files[1:] if not file[0].startswith(_LOOK))
        return cls(Outcome.of_line(files[0][1]), samples, looks)
