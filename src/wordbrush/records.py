"""The record of a run: everything that is needed to run it again, bit for bit."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from wordbrush.edits.settings import EditSettings
from wordbrush.errors import RecordError
from wordbrush.files import write_atomically
from wordbrush.json_form import from_plain, to_plain
from wordbrush.sampling.settings import GenerationSettings

SCHEMA = 1


@dataclass(frozen=True)
class ModelRecord:
    """The model of a run: its name as given, a hash of its weights, and what it computed on and in.

    `threads` are those of the CPU: sums are taken in another order with another number of them.
    """

    name: str
    fingerprint: str
    device: str
    dtype: str
    threads: int


@dataclass(frozen=True)
class RunRecord:
    """One run. `edit` is None for a generation; `together` says that source and targets ran as one batch.

    `acted` says in words what each target's edit did, `controlled_calls` how many attention calls it controlled,
    `warnings` what to know of the result; `image_sha256` are the `pixel_sha256` of the run's pictures by name.
    """

    model: ModelRecord
    generation: GenerationSettings
    edit: EditSettings | None
    together: bool
    keep_bytes: int
    acted: tuple[tuple[str, ...], ...]
    controlled_calls: int
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    image_sha256: Mapping[str, str]
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The record as indented JSON."""
        return json.dumps(to_plain(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "the record") -> "RunRecord":
        """Read what `to_json` wrote; `where` is what errors call it. Raises `RecordError` naming the wrong field."""
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{where} is not JSON ({error}); give a record.json that wordbrush wrote") from None
        if isinstance(plain, dict) and plain.get("schema", SCHEMA) != SCHEMA:
            raise RecordError(f"{where} has schema {plain['schema']!r}, and this wordbrush reads {SCHEMA}; update it")
        return from_plain(cls, plain, where)


def save_record(record: RunRecord, path: Path) -> None:
    """Write `record.json`, whole or not at all."""
    write_atomically(path, record.to_json().encode())


def pixel_sha256(image: Image) -> str:
    """A hash of a picture's mode, size and pixels, whatever file it is in.

    >>> from PIL import Image
    >>> pixel_sha256(Image.new("RGB", (2, 2)))[:8]
    '11721f67'
    """
    digest = hashlib.sha256(f"{image.mode} {image.size[0]} {image.size[1]}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
