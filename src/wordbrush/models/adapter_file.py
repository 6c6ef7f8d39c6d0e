"""Files that are loaded beside a model's own weights: what a record says of one, and its tensors, read as hostile."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from wordbrush.errors import ModelError
from wordbrush.files import open_regular
from wordbrush.models.guides import GuidesRecord

_PICKLES = (b"PK", b"\x80")
"""How a pickle begins, of torch's zip form or bare."""


@dataclass(frozen=True)
class AdapterFile:
    """A LoRA, a concept (a word with vectors of its own, Textual Inversion), an IP-Adapter, or the folder of the image
    encoder that it reads a picture with.

    `name` is the LoRA's name, the concept's word, or the name of the file or folder; `file` its path as given;
    `sha256` the hash of the file's content, of an image encoder that of its tensors' samples; `scale` how strongly a
    LoRA acts.
    """

    kind: Literal["lora", "concept", "ip-adapter", "image-encoder"]
    name: str
    file: str
    sha256: str
    scale: float = 1.0

    def __str__(self) -> str:
        """What messages call it."""
        scaled = f" x {self.scale:g}" if self.kind == "lora" else ""
        return f"{_CALLED[self.kind]} '{self.name}'{scaled}"


_CALLED = {"lora": "LoRA", "concept": "concept", "ip-adapter": "IP-Adapter", "image-encoder": "image encoder"}


@dataclass(frozen=True, eq=False)
class AdapterContent:
    """The tensors of such a file by name, and the hash of its bytes."""

    tensors: dict[str, Tensor]
    sha256: str


def read_adapter(path: Path, what: str, max_bytes: int) -> AdapterContent:
    """Read a safetensors file of numbers; `what` is what errors call its kind.

    Raises `ModelError` for a file that cannot be read, is larger, is a pickle, is broken, or holds anything else.
    """
    content = _bytes(path, what, max_bytes)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
        if content.startswith(_PICKLES):
            raise ModelError(
                f"'{path}' is a pickle, which can run any code when it is loaded; convert it to safetensors where you "
                "trust it (safetensors.torch.save_file), or get it as .safetensors"
            ) from None
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"'{path}' is not a whole safetensors file ({reason:.100}); download or save the {what} again"
        ) from None
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor.float()).all()):
            raise ModelError(
                f"'{path}' has values in '{name:.60}' that are no finite numbers; download or save the {what} again"
            )
    return AdapterContent(tensors, hashlib.sha256(content).hexdigest())


def misfit(path: Path, error: Exception, remedy: str) -> ModelError:
    """What is raised for a file that a loader does not fit into the model, with the loader's reason in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "mismatch" in line] or lines or [type(error).__name__]
    return ModelError(f"'{path}' does not fit this model ({telling[0]:.160}); {remedy}")


def file_sha256(path: Path) -> str | None:
    """The hash of a file's content; None where it cannot be read."""
    try:
        with open_regular(path) as file:
            digest = hashlib.sha256()
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def _bytes(path: Path, what: str, max_bytes: int) -> bytes:
    try:
        with open_regular(path) as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise ModelError(f"the {what} '{path}' cannot be read ({error.strerror}); give a .safetensors file") from None
    if len(content) > max_bytes:
        raise ModelError(f"'{path}' has over {max_bytes >> 20} MiB, which no {what} has; give the {what}'s own file")
    return content


def fingerprint_with(fingerprint: str, files: tuple[AdapterFile, ...], guides: GuidesRecord | None) -> str:
    """The fingerprint of a model with adapters and pictures that guide it: its own, where there are none."""
    if not files and guides is None:
        return fingerprint
    lines = [fingerprint, *(f"{file.kind} {_name_in(file)} {file.sha256} {file.scale!r}" for file in files)]
    lines += [] if guides is None else [guides.identity]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _name_in(file: AdapterFile) -> str:
    """What a file's name says of a model: an IP-Adapter and its image encoder are the same wherever they lie."""
    return file.name if file.kind in ("lora", "concept") else ""
