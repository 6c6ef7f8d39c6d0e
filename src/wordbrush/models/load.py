"""Load a model: safetensors only, no remote code, quietly."""

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.errors import ModelError, SettingsError, SlowDtypeWarning
from wordbrush.files import expanded, is_file
from wordbrush.loading import load_network, refused
from wordbrush.models.adaptable import AdaptablePipeline
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.families import Family, Part, family_of
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush.models.folder import check_folder, read_config, resolve_folder
from wordbrush.models.folder_fingerprint import folder_fingerprint, is_earlier_fingerprint
from wordbrush.models.guides import GuidesRecord
from wordbrush.models.json_file import read_json
from wordbrush.models.own_settings import Defaults, own_layers, read_own_settings
from wordbrush.models.processor import fastest_dtype, is_slow, weight_bytes
from wordbrush.models.single_file import load_single_file
from wordbrush.quiet import quietly

DTYPES = ("float32", "float16", "bfloat16")
DEVICES = ("cpu", "cuda", "mps")
_DEVICE = re.compile(r"(?P<kind>cpu|cuda|mps)(:(?P<number>\d{1,3}))?")


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model: `native_size` is (height, width) in pixels, `vocabulary` the only words it knows, if few.

    `folder` is the file of a checkpoint in one file, and None for a pipeline that was loaded elsewhere. `adapters` are
    the LoRAs, concepts and the IP-Adapter that are loaded beside it, `layers` what was chosen of its attention layers,
    and `guides` the pictures that guide it, if any do. `compiled` says whether `Editor.compile` changed how it
    computes.
    """

    name: str
    folder: Path | None
    fingerprint: str
    device: str
    dtype: str
    defaults: Defaults
    vocabulary: frozenset[str] | None
    native_size: tuple[int, int]
    adapters: tuple[AdapterFile, ...] = ()
    layers: LayerChoice = OWN_CHOICE
    guides: GuidesRecord | None = None
    compiled: bool = False

    def is_of(self, fingerprint: str) -> bool:
        """Whether a fingerprint is this model's, as this version takes it or as an earlier one did."""
        if fingerprint == self.fingerprint:
            return True
        alone = not self.adapters and self.guides is None
        return alone and self.folder is not None and is_earlier_fingerprint(self.folder, fingerprint)


def load_pipeline(
    model: str | Path | None,
    device: str | None,
    dtype: str | None,
    *,
    variant: str | None = None,
    subfolder: str | None = None,
) -> tuple[AdaptablePipeline, ModelInfo]:
    """Load a model by folder, safetensors file or hub id (None: the bundled one), on a device, in a dtype.

    `variant` ("fp16") names the files of weights, `subfolder` the model's place in the folder. Raises `ModelError`
    when it cannot be loaded, `SettingsError` for an unknown device or dtype.
    """
    if model is not None and is_file(path := expanded(model)):
        return _load_file(path, device, dtype)
    folder = resolve_folder(model, variant, subfolder)
    family = check_folder(folder, variant)
    read_own_settings(folder, family.defaults)  # raises before anything is loaded
    layers = own_layers(folder)
    device, dtype = choose_device(device, dtype, weight_bytes(folder, variant))
    pipeline = _load_parts(folder, family, device, dtype, variant)
    loaded = AdaptablePipeline(pipeline, family, f"'{folder}'", layers, folder)
    defaults, vocabulary = read_own_settings(folder, family.defaults_of(loaded.adapter))
    info = ModelInfo(
        name="bundled" if model is None else str(model),
        folder=folder,
        fingerprint=folder_fingerprint(folder, variant),
        device=device,
        dtype=dtype,
        defaults=defaults,
        vocabulary=vocabulary,
        native_size=loaded.adapter.native_size,
        layers=layers,
    )
    return loaded, info


def _load_file(path: Path, device: str | None, dtype: str | None) -> tuple[AdaptablePipeline, ModelInfo]:
    import torch

    device, dtype = choose_device(device, dtype, path.stat().st_size)
    with quietly(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pipeline = load_single_file(path, getattr(torch, dtype)).to(device)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    loaded, info = adopt_pipeline(pipeline)
    return loaded, replace(info, name=str(path), folder=path, fingerprint=folder_fingerprint(path))


def adopt_pipeline(pipeline: Any) -> tuple[AdaptablePipeline, ModelInfo]:
    """A loaded diffusers pipeline, which stays as it is. Raises `ModelError` for one of an unknown family."""
    family = family_of(type(pipeline).__name__, "the pipeline")
    loaded = AdaptablePipeline(pipeline, family, "the pipeline")
    adapter = loaded.adapter
    info = ModelInfo(
        name=str(pipeline.config.get("_name_or_path") or type(pipeline).__name__),
        folder=None,
        fingerprint=pipeline_fingerprint(pipeline),
        device=str(adapter.device),
        dtype=str(adapter.dtype).removeprefix("torch."),
        defaults=family.defaults_of(adapter),
        vocabulary=None,
        native_size=adapter.native_size,
    )
    return loaded, info


def choose_device(device: str | None, dtype: str | None, num_bytes: int) -> tuple[str, str]:
    """The device and dtype that a model of `num_bytes` of weights is loaded with; what a caller gives stands.

    Warns with `SlowDtypeWarning` for a dtype that this CPU has no instructions for. Raises `SettingsError`.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    device = device or next(name for name in ("cuda", "mps", "cpu") if available[name])
    named = _DEVICE.fullmatch(device)
    if named is None:
        raise SettingsError(f"device is '{device:.40}'; give one of {', '.join(DEVICES)}")
    kind, number = named["kind"], int(named["number"] or 0)
    if not available[kind] or number >= (torch.cuda.device_count() if kind == "cuda" else 1):
        raise SettingsError(f"device is '{device}', which this machine does not have; use cpu")
    dtype = dtype or fastest_dtype(kind, num_bytes)
    if dtype not in DTYPES:
        raise SettingsError(f"dtype is '{dtype}'; give one of {', '.join(DTYPES)}")
    if kind == "cpu" and is_slow(dtype):
        warnings.warn(
            f"this CPU has no instructions for {dtype} and is many times slower in it; use float32",
            SlowDtypeWarning,
            stacklevel=2,
        )
    return device, dtype


def _load_parts(folder: Path, family: Family, device: str, dtype: str, variant: str | None) -> Any:
    """The parts of a folder, in the pipeline's own class, which repairs what old configurations have wrong."""
    import torch

    with quietly(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # about a configuration that it repaired
        warnings.simplefilter("ignore", DeprecationWarning)  # of numpy, about diffusers' own code
        import diffusers

        weights = {"dtype": getattr(torch, dtype), "use_safetensors": True, "variant": variant}
        parts: dict[str, Any] = dict.fromkeys(family.parts)
        for name, part in family.parts_in(folder).items():
            if name == "scheduler":
                parts[name] = _scheduler(folder, part)
            else:
                kind = resolve_name(part.kind)
                if part.weights is None:
                    parts[name] = load_part(kind, folder / name)
                else:
                    network = load_network(kind, folder / name, unused=part.unused, **weights)
                    parts[name] = network.to(device).eval().requires_grad_(False)
        index = read_json(folder / "model_index.json", "")
        kind = getattr(diffusers, str(index["_class_name"]))
        told = {name: index[name] for name in family.told if name in index}
        try:
            return kind(**parts, **family.without, **told)
        except Exception as error:  # a configuration that it cannot repair
            raise refused(folder, error) from error


def _scheduler(folder: Path, part: Part) -> Any:
    """A folder's scheduler, of the class that it names; the family's where it names none."""
    import diffusers

    config = read_config(folder, "scheduler", "scheduler_config.json")
    name = str(config.get("_class_name") or resolve_name(part.kind).__name__)
    found = getattr(diffusers, name, None)
    if not (isinstance(found, type) and issubclass(found, diffusers.SchedulerMixin)):
        raise ModelError(
            f"'{folder}' has the scheduler {name}, which diffusers does not have, or not without another package; "
            "write the class of another there"
        )
    kind: Any = found
    try:
        return kind.from_config(config)
    except Exception as error:  # a value that it does not know
        raise refused(folder / "scheduler", error) from error


def load_part(kind: Any, part: Path, **options: object) -> Any:
    """What `kind`, which has no weights, loads from a folder, and nothing from elsewhere. Raises `ModelError`."""
    try:
        return kind.from_pretrained(part, local_files_only=True, **options)
    except Exception as error:  # these libraries raise dozens of types for a broken file
        raise refused(part, error) from error
