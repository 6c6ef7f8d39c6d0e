"""A checkpoint in one file, as most people have them: recognised by the names of its tensors, never by its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordbrush.errors import ModelError
from wordbrush.loading import refused
from wordbrush.models.families import FAMILIES, family_of


@dataclass(frozen=True)
class _Layout:
    """A kind of file: a tensor that only it has, the class of its pipeline, and a model on the hub with the
    configurations and the tokenizer that the file itself lacks.
    """

    tensor: str
    pipeline: str
    configurations: str


_LAYOUTS = (
    _Layout(
        "conditioner.embedders.1.model.positional_embedding",
        "StableDiffusionXLPipeline",
        "stabilityai/stable-diffusion-xl-base-1.0",
    ),
    _Layout(
        "cond_stage_model.model.token_embedding.weight", "StableDiffusionPipeline", "stabilityai/stable-diffusion-2-1"
    ),
    _Layout(
        "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
        "StableDiffusionPipeline",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
    ),
)
_SMALL = ("*.json", "*/*.json", "*/*.txt")
"""Configurations and tokenizers, and no weights."""


def load_single_file(path: Path, dtype: Any) -> Any:
    """The pipeline of a safetensors file, its weights in a dtype of torch. Nothing is fetched.

    Raises `ModelError` for a file of another kind, and where its family's configurations are not on this machine.
    """
    layout = _recognised(path)
    family = family_of(layout.pipeline, f"'{path}'")
    folder = _configurations(path, layout)
    import diffusers

    try:
        return getattr(diffusers, layout.pipeline).from_single_file(
            str(path), config=str(folder), local_files_only=True, dtype=dtype, **family.without
        )
    except Exception as error:  # as for folders: dozens of types for a broken file
        raise refused(path, error) from error


def _recognised(path: Path) -> _Layout:
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        raise ModelError(
            f"'{path}' is no safetensors file; give one, the folder of a diffusers model, or a hub id as owner/name"
        )
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"'{path}' is not a safetensors file ({error!s:.80}); download it again") from None
    for layout in _LAYOUTS:
        if layout.tensor in names:
            return layout
    raise ModelError(
        f"'{path}' is no checkpoint of {', '.join(FAMILIES)} (a LoRA is not one, nor a U-Net alone); give a "
        "checkpoint with all parts, or the folder of a diffusers model"
    )


def _configurations(path: Path, layout: _Layout) -> Path:
    from huggingface_hub import snapshot_download

    repository = layout.configurations
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_SMALL), local_files_only=True))
    except OSError:
        patterns = " ".join(f"--include '{pattern}'" for pattern in _SMALL)
        raise ModelError(
            f"'{path}' needs the configurations and the tokenizer of {repository}, which are not in the local hub "
            f"cache; fetch them once (a few MB): hf download {repository} {patterns}"
        ) from None
