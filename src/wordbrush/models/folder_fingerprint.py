"""A hash of a model as a folder, a checkpoint file or the hub's cache has it: of the parts that are used.

What lies beside them counts for nothing: other tools put files into the same folders (a `safety_checker`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wordbrush.errors import ModelError
from wordbrush.models.folder import network_files, used_files

_SAMPLE = 512
_EARLIER_SAMPLE = 1 << 16
_SAID_OF_ITSELF = ("transformers_version", "name_or_path", "special_tokens_map_file")
"""What a configuration says of where it came from; so do all keys with an underscore but the class."""


def folder_fingerprint(folder: Path, variant: str | None = None) -> str:
    """A hash that changes with any configuration, word list or tensor of the parts that are used.

    Equal are a folder and its copy, a hub id, and weights in one file or in several: of each tensor it takes name,
    dtype, shape and three samples, so that gigabytes take no time. It tells models apart, and is no proof against a
    forger. Of one checkpoint file it takes its tensors.
    """
    return _hash(_parts(folder, variant))


def network_fingerprint(place: Path, stem: str) -> str:
    """The same of a network in a folder of its own, whose weights are called `stem`. Raises `ModelError`."""
    return _hash({"": network_files(place, stem)})


def _hash(parts: Mapping[str, list[Path]]) -> str:
    digest = hashlib.sha256()
    for part, files in parts.items():
        digest.update(f"\n{part}\n".encode())
        for path in files:
            if path.suffix != ".safetensors":
                digest.update(f"{path.name} {_content(path)}\n".encode())
        lines = [line for path in files if path.suffix == ".safetensors" for line in _tensors(path)]
        for line in sorted(lines):
            digest.update(line)
    return digest.hexdigest()


def is_earlier_fingerprint(folder: Path, recorded: str) -> bool:
    """Whether a record of an earlier version has this folder's fingerprint, which then was of whole files.

    It counted everything in the folder; what another tool has put there since is left out at the second look.
    """
    if folder.is_file():
        return recorded == _earlier(folder, [folder])
    everything = [path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors")]
    used = {path for files in used_files(folder, None).values() for path in files}
    used |= {folder / "model_index.json", folder / "wordbrush.json"}
    return recorded in (_earlier(folder, everything), _earlier(folder, [p for p in everything if p in used]))


def _parts(folder: Path, variant: str | None) -> Mapping[str, list[Path]]:
    return {"": [folder]} if folder.is_file() else used_files(folder, variant)


def _content(path: Path) -> str:
    """A file's text; of a JSON object what it means, and not how it is written or where it came from."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    if path.suffix != ".json":
        return repr(text)
    content = json.loads(text)
    if isinstance(content, dict):
        content = {
            k: v for k, v in content.items() if (k[:1] != "_" or k == "_class_name") and k not in _SAID_OF_ITSELF
        }
    return json.dumps(content, sort_keys=True)


def _tensors(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start = 8 + length
        try:
            header: dict[str, Any] = json.loads(file.read(length))
            header.pop("__metadata__", None)
            for name, about in header.items():
                first, end = about["data_offsets"]
                line = f"{name} {about['dtype']} {about['shape']} ".encode()
                for offset in (first, (first + end) // 2, max(first, end - _SAMPLE)):
                    file.seek(start + offset)
                    line += file.read(min(_SAMPLE, end - offset))
                yield line
        except (ValueError, KeyError, TypeError, MemoryError, OverflowError):
            raise ModelError(f"'{path}' is not a whole safetensors file; download or save the model again") from None


def _earlier(folder: Path, paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.suffix == ".json":
            content = path.read_bytes()
        else:
            size = path.stat().st_size
            with path.open("rb") as file:
                parts = [str(size).encode()]
                for start in (0, size // 3, 2 * size // 3, max(0, size - _EARLIER_SAMPLE)):
                    file.seek(start)
                    parts.append(file.read(_EARLIER_SAMPLE))
            content = b"".join(parts)
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
