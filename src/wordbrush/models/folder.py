"""Which folder a model's name stands for, and whether it holds what is needed: checked before anything is loaded."""

import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from wordbrush.errors import ModelError

PIPELINES = {"StableDiffusionPipeline": ("unet", "vae", "text_encoder", "tokenizer", "scheduler")}
"""Pipeline classes that can be edited with, and the components that each needs."""

_WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_HUB_ID = re.compile(r"[\w.\-]+/[\w.\-]+")
_SAMPLE = 1 << 16


def bundled_folder() -> Path:
    """The model that ships with wordbrush."""
    return Path(str(files("wordbrush.scenes") / "weights"))


def resolve_folder(model: str | Path | None) -> Path:
    """The folder of a model: None is the bundled one; a folder is itself; "owner/name" is fetched from the hub.

    Only configurations, tokenizer files and safetensors are fetched. Raises `ModelError`.
    """
    if model is None:
        folder = bundled_folder()
        if not folder.is_dir():
            raise ModelError("this installation lacks the bundled model; install wordbrush again, or name a model")
        return folder
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ModelError(f"'{model}' is a file; give the folder of a diffusers model, or a hub id such as owner/name")
    if isinstance(model, Path) or not _HUB_ID.fullmatch(model) or model.startswith("."):
        raise ModelError(
            f"there is no folder '{model}'; give the folder of a diffusers model, or a hub id as owner/name"
        )
    return _fetch(model)


def local_folder(model: str) -> Path | None:
    """The folder that a model's name stands for, if it is on this machine and whole: nothing is fetched."""
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model, "model_index.json")
    folder = Path(model) if Path(model).is_dir() else Path(cached).parent if isinstance(cached, str) else None
    try:
        if folder is not None:
            check_folder(folder)
    except ModelError:
        return None
    return folder


def check_folder(folder: Path) -> None:
    """Raise `ModelError` unless a folder holds a pipeline that can be edited with, as safetensors."""
    index = read_json(
        folder / "model_index.json",
        f"'{folder}' is not a diffusers model: it has no model_index.json; give a folder that save_pretrained wrote",
    )
    name = str(index.get("_class_name"))
    if name not in PIPELINES:
        raise ModelError(f"'{folder}' is a {name}; wordbrush edits with {', '.join(PIPELINES)}")
    for component in PIPELINES[name]:
        if not (folder / component).is_dir():
            raise ModelError(f"'{folder}' lacks its '{component}' folder; download or save the model again, whole")
        if component in _WEIGHTS:
            _check_weights(folder, component)
    tokenizer = folder / "tokenizer"
    if not any((tokenizer / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise ModelError(f"'{tokenizer}' has no tokenizer.json or vocab.json; download or save the model again, whole")


def fingerprint(folder: Path) -> str:
    """A hash of a model's configurations and weights.

    Of each weight file it takes the size, the header and three samples, so that gigabytes take no time: it tells
    models apart, and is no proof against a forger.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".json":
            content = path.read_bytes()
        elif path.suffix == ".safetensors":
            size = path.stat().st_size
            with path.open("rb") as file:
                parts = [str(size).encode()]
                for start in (0, size // 3, 2 * size // 3, max(0, size - _SAMPLE)):
                    file.seek(start)
                    parts.append(file.read(_SAMPLE))
            content = b"".join(parts)
        else:
            continue
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def read_config(folder: Path, component: str, name: str) -> dict[str, Any]:
    """A component's configuration file."""
    path = folder / component / name
    return read_json(path, f"'{folder}' lacks '{component}/{name}'; download or save the model again, whole")


def _check_weights(folder: Path, component: str) -> None:
    part, stem = folder / component, _WEIGHTS[component]
    read_config(folder, component, "config.json")
    if any(part.glob(f"{stem}.safetensors")) or any(part.glob(f"{stem}.safetensors.index.json")):
        return
    pickles = [path.name for path in part.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt")]
    if pickles:
        raise ModelError(
            f"'{part}' holds only pickled weights ({pickles[0]}), which can run code when loaded; convert the model "
            "with save_pretrained(..., safe_serialization=True)"
        )
    raise ModelError(f"'{part}' has no {stem}.safetensors; download or save the model again, whole")


def read_json(path: Path, missing: str) -> dict[str, Any]:
    """A file's JSON object. Raises `ModelError`, with the text `missing` when there is no such file."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(missing) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"'{path}' cannot be read ({error}); download or save the model again") from None
    if not isinstance(content, dict):
        raise ModelError(f"'{path}' is not a JSON object; download or save the model again")
    return cast(dict[str, Any], content)


def _fetch(model: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    patterns = ["model_index.json", "wordbrush.json", "scheduler/*.json", "tokenizer/*"]
    for component, stem in _WEIGHTS.items():
        patterns += [f"{component}/config.json", f"{component}/{stem}.safetensors"]
        patterns += [f"{component}/{stem}.safetensors.index.json", f"{component}/{stem}-0*.safetensors"]
    try:
        return Path(snapshot_download(model, allow_patterns=patterns))
    except HFValidationError:
        raise ModelError(f"'{model}' is neither a folder nor a hub id; give a folder, or owner/name") from None
    except OSError as error:
        if isinstance(error, HfHubHTTPError):
            raise ModelError(f"the hub does not give '{model}' ({error.response.status_code}); check the id") from None
        raise ModelError(
            f"'{model}' is neither a folder nor in the local hub cache, and the hub cannot be reached; "
            "connect once to fetch it, or give a folder"
        ) from None
