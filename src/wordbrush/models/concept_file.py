"""A concept's file: the vectors of a word for each text encoder, in every form that tools write as safetensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from wordbrush.errors import ModelError
from wordbrush.models.adapter_file import read_adapter

_MAX_BYTES = 64 << 20
_WEB_UI = "emb_params"
"""The tensor's name in the form of AUTOMATIC1111's web UI."""


_OF_SEVERAL = ("clip_l", "clip_g", "t5xxl", "t5")
"""The names of text encoders in files of concepts for several."""


@dataclass(frozen=True, eq=False)
class ConceptFile:
    """The vectors (n, width) for each of a model's text encoders, in their order, and the word that the file names."""

    vectors: tuple[Tensor, ...]
    word: str | None
    sha256: str


def read_concept(path: Path, encoders: Sequence[tuple[str, int]]) -> ConceptFile:
    """Read the file of a concept for text encoders, each given as its key in files of several, and its width.

    One encoder: the web UI's form (`emb_params`) and diffusers' (the word is the tensor's name). Two: `clip_l` and
    `clip_g`. Raises `ModelError` for a file that is no concept, or one of another family.
    """
    content = read_adapter(path, "concept", _MAX_BYTES)
    vectors = {name: _rows(path, name, tensor) for name, tensor in content.tensors.items()}
    found, word = _for_encoders(path, vectors, [key for key, _ in encoders])
    widths = [width for _, width in encoders]
    given = [rows.shape[1] for rows in found]
    if given != widths:
        raise ModelError(
            f"'{path}' has vectors of width {_listed(given)}, and this model reads {_listed(widths)}; give a concept "
            "that was learnt with a model of this family"
        )
    if len({len(rows) for rows in found}) > 1:
        raise ModelError(
            f"'{path}' has {_listed([len(rows) for rows in found])} vectors for its text encoders, which must have as "
            "many; save the concept again"
        )
    return ConceptFile(tuple(found), word, content.sha256)


def concept_word(path: Path) -> str:
    """The word that a concept's file names, else one of the file's own name: `<my-dog>`. Raises `ModelError`."""
    names = list(read_adapter(path, "concept", _MAX_BYTES).tensors)
    if len(names) == 1 and names[0] not in (_WEB_UI, *_OF_SEVERAL):
        return names[0]
    return f"<{path.stem}>"


def _for_encoders(path: Path, vectors: Mapping[str, Tensor], keys: Sequence[str]) -> tuple[list[Tensor], str | None]:
    if set(vectors) == set(keys) and len(keys) > 1:
        return [vectors[key] for key in keys], None
    if len(vectors) == 1 == len(keys):
        name = next(iter(vectors))
        return [vectors[name]], None if name in (_WEB_UI, *keys) else name
    if len(vectors) == 1 or set(vectors) <= set(_OF_SEVERAL):
        raise ModelError(
            f"'{path}' has vectors for {len(vectors)} text encoder{'s' * (len(vectors) > 1)}, and this model has "
            f"{len(keys)}; give a concept that was learnt with a model of this family"
        )
    raise ModelError(
        f"'{path}' has {len(vectors)} tensors and is no concept (Textual Inversion); a LoRA is loaded with --lora "
        "(load_lora), a model with --model"
    )


def _rows(path: Path, name: str, tensor: Tensor) -> Tensor:
    rows = tensor[None] if tensor.dim() == 1 else tensor
    if rows.dim() != 2 or not rows.numel():
        raise ModelError(
            f"'{path}' has '{name:.60}' of shape {tuple(tensor.shape)}, where vectors (n, width) should be; give a "
            "concept (Textual Inversion)"
        )
    return rows


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
