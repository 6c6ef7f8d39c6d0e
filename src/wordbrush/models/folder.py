"""Which folder a model's name stands for, and whether it holds what is needed: checked before anything is loaded."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from wordbrush.errors import ModelError, cited
from wordbrush.files import expanded, is_folder, is_there
from wordbrush.models.families import FAMILIES, Family, family_of
from wordbrush.models.json_file import read_json

_TOKENIZER_FILES = (".json", ".txt", ".model", ".jinja")
_HUB_ID = re.compile(r"[\w.\-]+/[\w.\-]+")


def bundled_folder() -> Path:
    """The model that ships with wordbrush."""
    return Path(str(files("wordbrush.scenes") / "weights"))


def joint_folder() -> Path | None:
    """The second model of the same scenes, of Stable Diffusion 3's class: in a checkout of the repository, not in the
    package; None elsewhere.
    """
    folder = Path(str(files("wordbrush"))).parents[1] / "models" / "joint"
    return folder if folder.is_dir() else None


def resolve_folder(model: str | Path | None, variant: str | None = None, subfolder: str | None = None) -> Path:
    """The folder of a model: None is the bundled one; a folder is itself; "owner/name" is fetched from the hub; of
    the latter two the `subfolder`, where one is named.

    Only configurations, tokenizer files and safetensors are fetched, those of a `variant` where one is named. Raises
    `ModelError`.
    """
    return _whole_folder(model, variant, subfolder) / (subfolder or "")


def _whole_folder(model: str | Path | None, variant: str | None, subfolder: str | None) -> Path:
    if model is None:
        folder = bundled_folder()
        if not folder.is_dir():
            raise ModelError("this installation lacks the bundled model; install wordbrush again, or name a model")
        return folder
    folder = expanded(model)
    if is_folder(folder):
        return folder
    if is_there(folder):
        raise ModelError(f"'{model}' is a file; give the folder of a diffusers model, or a hub id such as owner/name")
    if isinstance(model, Path) or not _HUB_ID.fullmatch(model) or model.startswith("."):
        raise ModelError(
            f"there is no folder '{cited(str(model))}'; give the folder of a diffusers model, or a hub id as "
            "owner/name"
        )
    return _fetch(model, variant, subfolder)


def local_folder(model: str) -> Path | None:
    """The folder that a model's name stands for, if it is on this machine and whole: nothing is fetched."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    folder: Path | None = expanded(model)
    if not is_folder(expanded(model)):
        try:
            cached = try_to_load_from_cache(model, "model_index.json")
        except HFValidationError:
            cached = None
        folder = Path(cached).parent if isinstance(cached, str) else None
    try:
        if folder is not None:
            check_folder(folder)
    except ModelError:
        return None
    return folder


def check_folder(folder: Path, variant: str | None = None) -> Family:
    """The family of a folder. Raises `ModelError` unless it holds a pipeline that can be edited with, as safetensors,
    of a `variant` ("fp16") where one is named.
    """
    index = read_json(
        folder / "model_index.json",
        f"'{folder}' is not a diffusers model: it has no model_index.json; give a folder that save_pretrained wrote",
    )
    family = family_of(str(index.get("_class_name")), f"'{folder}'")
    if "MultiControlNetModel" in str(index.get("controlnet")):
        raise ModelError(
            f"'{folder}' has several ControlNets, of which a folder's loading takes one; load it with diffusers, and "
            "give the pipeline to Editor.from_pipeline"
        )
    for name, part in family.parts_in(folder).items():
        if not (folder / name).is_dir():
            raise ModelError(f"'{folder}' lacks its '{name}' folder; download or save the model again, whole")
        if part.weights is not None:
            _check_weights(folder, name, part.weights, variant)
        elif name.startswith("tokenizer"):
            _check_tokenizer(folder / name)
    return family


def used_files(folder: Path, variant: str | None) -> dict[str, list[Path]]:
    """The files of each part that loading a checked folder reads, by the part's name."""
    family = check_folder(folder, variant)
    used = {}
    for name, part in sorted(family.parts_in(folder).items()):
        place = folder / name
        if part.weights is None:
            used[name] = sorted(path for path in place.iterdir() if path.suffix in _TOKENIZER_FILES)
        else:
            used[name] = _network_files(place, part.weights, variant)
    return used


def network_files(place: Path, stem: str) -> list[Path]:
    """The files of a network in a folder of its own: its configuration, and its weights, which are called `stem`.

    Raises `ModelError` where one is missing, or the weights are pickled.
    """
    _check_weights(place.parent, place.name, stem, None)
    return _network_files(place, stem, None)


def _network_files(place: Path, stem: str, variant: str | None) -> list[Path]:
    whole, listed = (place / file for file in _weight_files(stem, variant))
    shards = sorted(place.glob(f"{stem}{f'.{variant}' if variant else ''}-0*.safetensors"))
    return [place / "config.json", *(shards if listed.is_file() and not whole.is_file() else [whole])]


def read_config(folder: Path, component: str, name: str) -> dict[str, Any]:
    """A component's configuration file."""
    path = folder / component / name
    return read_json(path, f"'{folder}' lacks '{component}/{name}'; download or save the model again, whole")


def _check_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise ModelError(f"'{folder}' has no tokenizer.json or vocab.json; download or save the model again, whole")


def _check_weights(folder: Path, component: str, stem: str, variant: str | None) -> None:
    part = folder / component
    read_config(folder, component, "config.json")
    if any((part / name).is_file() for name in _weight_files(stem, variant)):
        return
    pickles = [path.name for path in part.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt")]
    if pickles:
        raise ModelError(
            f"'{part}' holds only pickled weights ({pickles[0]}), which can run code when loaded; convert the model "
            "with save_pretrained(..., safe_serialization=True)"
        )
    there = sorted({path.name.removeprefix(f"{stem}.").split(".")[0] for path in part.glob(f"{stem}.*.safetensors")})
    remedy = (
        f"give variant='{there[0]}', or name its files without it"
        if there
        else "download or save the model again, whole"
    )
    raise ModelError(f"'{part}' has no {_weight_files(stem, variant)[0]}; {remedy}")


def _weight_files(stem: str, variant: str | None) -> tuple[str, str]:
    """The names of a component's weights in one file, and of the list of several files."""
    if variant is None:
        return f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    return f"{stem}.{variant}.safetensors", f"{stem}.safetensors.index.{variant}.json"


def _fetch(model: str, variant: str | None, subfolder: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    patterns = ["model_index.json", "wordbrush.json"]
    for name, part in {name: part for family in FAMILIES.values() for name, part in family.parts.items()}.items():
        patterns.append(f"{name}/*" if name.startswith("tokenizer") else f"{name}/*.json")
        if part.weights is not None:
            sharded = f"{part.weights}-0*" if variant is None else f"{part.weights}.{variant}-0*"
            patterns += [f"{name}/{_weight_files(part.weights, variant)[0]}", f"{name}/{sharded}.safetensors"]
    if subfolder is not None:
        patterns = [f"{subfolder}/{pattern}" for pattern in patterns]
    try:
        return Path(snapshot_download(model, allow_patterns=patterns))
    except HFValidationError:
        raise ModelError(f"'{cited(model)}' is neither a folder nor a hub id; give a folder, or owner/name") from None
    except OSError as error:
        if isinstance(error, HfHubHTTPError):
            raise ModelError(f"the hub does not give '{model}' ({error.response.status_code}); check the id") from None
        raise ModelError(
            f"'{cited(model)}' is neither a folder nor in the local hub cache, and the hub cannot be reached; "
            "connect once to fetch it, or give a folder"
        ) from None
