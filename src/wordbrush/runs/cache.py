"""Keeps inversions on disk, so that the next edit of a photograph starts at once."""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, uint8

from wordbrush.errors import OutputError, SettingsError
from wordbrush.files import expanded, home, write_atomically

_ENDING = ".safetensors"
_ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
_PARTIAL = re.compile(r"\.[0-9a-f]{64}\.safetensors\..*")
_PARTIAL_SECONDS = 3600.0


@dataclass(frozen=True, eq=False)
class Kept:
    """What is stored under a key: tensors by name, and facts about them in a form that JSON can hold."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, object]


class InversionCache:
    """A folder of kept inversions. If it grows too large, the entries that were not used for longest are removed
    first.

    - `folder`: where to keep them; it is created with the first entry. Default: None, the platform's cache folder.
    - `max_bytes`: the most disk space, in bytes, 0 or more. Default: 2 GiB.

    Several processes may share a folder. A file appears whole or not at all; one that vanishes, is damaged or was not
    written by wordbrush is ignored.

    Raises `SettingsError` for a negative `max_bytes`.

    >>> import tempfile, torch
    >>> cache = InversionCache(tempfile.mkdtemp())
    >>> cache.put({"photo": "a cat"}, Kept({"latents": torch.zeros(2)}, {"seconds": 3.5}))
    >>> kept, note = cache.get({"photo": "a cat"})
    >>> kept.facts, note
    ({'seconds': 3.5}, None)
    >>> cache.get({"photo": "a dog"})
    (None, None)
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int = 2 << 30) -> None:
        """Use a folder, or with None the platform's cache folder. It is created with the first entry."""
        if max_bytes < 0:
            raise SettingsError(f"the cache's max_bytes is {max_bytes}; give 0 or more")
        self.folder = default_folder() if folder is None else expanded(folder)
        self._max_bytes = max_bytes

    def get(self, key: Mapping[str, object]) -> tuple[Kept | None, str | None]:
        """What is stored under an equal key, or None; and a note if there is a file that cannot be used."""
        path = self._path(key)
        try:
            kept = _read(path, self._max_bytes)
        except FileNotFoundError:
            return None, None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            return (
                None,
                f"the kept inversion '{path}' is damaged or not one ({reason:.80}), so the photo is inverted again",
            )
        with suppress(OSError):
            os.utime(path)  # used now
        return kept, None

    def put(self, key: Mapping[str, object], kept: Kept) -> str | None:
        """Store something under a key. Returns None, or a note that says why it could not be kept, which only costs
        time.
        """
        facts = json.dumps(kept.facts)
        # Copies, because the format refuses two names for the same memory.
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in kept.tensors.items()}
        content = save(tensors, {"facts": facts, "sha256": _digest(facts, tensors)})
        if len(content) > self._max_bytes:
            return f"the inversion takes {len(content) >> 20} MiB, more than the cache may hold, so it is not kept"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # photos are private
            self._make_room(len(content))
            write_atomically(self._path(key), content)
        except (OSError, OutputError) as error:
            return f"the inversion is not kept: {error}"
        return None

    def _path(self, key: Mapping[str, object]) -> Path:
        plain = json.dumps(key, sort_keys=True)
        return self.folder / f"{hashlib.sha256(plain.encode()).hexdigest()}{_ENDING}"

    def _make_room(self, needed: int) -> None:
        entries = []
        for path in self.folder.iterdir():
            with suppress(OSError):  # another process may remove it at any time
                status = path.stat()
                if _ENTRY.fullmatch(path.name):
                    entries.append((status.st_mtime_ns, status.st_size, path))
                elif _PARTIAL.fullmatch(path.name) and time.time() - status.st_mtime > _PARTIAL_SECONDS:
                    path.unlink()  # of a process that was killed
        held = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if held + needed <= self._max_bytes:
                return
            with suppress(OSError):
                path.unlink()
                held -= size


def default_folder() -> Path:
    """This platform's folder for files that can be made again: `$XDG_CACHE_HOME/wordbrush/inversions`, or its
    equivalent.
    """
    if sys.platform == "darwin":
        base = home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home() / "AppData" / "Local")
    else:
        base = home() / ".cache"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(chosen) if Path(chosen).is_absolute() else base) / "wordbrush" / "inversions"


def _read(path: Path, max_bytes: int) -> Kept:
    if path.stat().st_size > max_bytes:
        raise ValueError("it is larger than the cache may be")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except RuntimeError as error:
        # torch opens the file a second time after the header is read, and raises this if the file has vanished.
        raise FileNotFoundError(path) from error
    if about["sha256"] != _digest(about["facts"], tensors):
        raise ValueError("its content is not what was written")
    return Kept(tensors, json.loads(about["facts"]))


def _digest(facts: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(uint8).numpy().tobytes())
    return digest.hexdigest()
