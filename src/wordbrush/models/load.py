"""Load a model: safetensors only, no remote code, quietly."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordbrush.errors import ModelError, SettingsError, SlowDtypeWarning
from wordbrush.models.folder import check_folder, fingerprint, read_config, resolve_folder
from wordbrush.models.own_settings import Defaults, read_own_settings
from wordbrush.models.processor import fastest_dtype, is_slow, weight_bytes
from wordbrush.quiet import quietly
from wordbrush.sampling.adapter import Adapter

DTYPES = ("float32", "float16", "bfloat16")
DEVICES = ("cpu", "cuda", "mps")


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model: `native_size` is (height, width) in pixels, `vocabulary` the only words it knows, if few."""

    name: str
    folder: Path
    fingerprint: str
    device: str
    dtype: str
    defaults: Defaults
    vocabulary: frozenset[str] | None
    native_size: tuple[int, int]


def load_model(model: str | Path | None, device: str | None, dtype: str | None) -> tuple[Adapter, ModelInfo]:
    """Load a model by folder or hub id (None: the bundled one), on a device, in a dtype.

    Raises `ModelError` when it cannot be loaded, `SettingsError` for an unknown device or dtype.
    """
    folder = resolve_folder(model)
    check_folder(folder)
    defaults, vocabulary = read_own_settings(folder)
    device, dtype = choose_device(device, dtype, weight_bytes(folder))
    adapter, pixels = _load_stable_diffusion(folder, device, dtype)
    info = ModelInfo(
        name="bundled" if model is None else str(model),
        folder=folder,
        fingerprint=fingerprint(folder),
        device=device,
        dtype=dtype,
        defaults=defaults,
        vocabulary=vocabulary,
        native_size=(pixels, pixels),
    )
    return adapter, info


def choose_device(device: str | None, dtype: str | None, num_bytes: int) -> tuple[str, str]:
    """The device and dtype that a model of `num_bytes` of weights is loaded with; what a caller gives stands.

    Warns with `SlowDtypeWarning` for a dtype that this CPU has no instructions for. Raises `SettingsError`.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    device = device or next(name for name in ("cuda", "mps", "cpu") if available[name])
    kind = device.split(":")[0]
    if kind not in DEVICES:
        raise SettingsError(f"device is '{device}'; give one of {', '.join(DEVICES)}")
    if not available[kind]:
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


def _load_stable_diffusion(folder: Path, device: str, dtype: str) -> tuple[Adapter, int]:
    import torch

    from wordbrush.models.stable_diffusion import StableDiffusion

    with quietly():
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer

        weights = {"dtype": getattr(torch, dtype), "use_safetensors": True}
        unet = load_part(UNet2DConditionModel, folder / "unet", **weights)
        vae = load_part(AutoencoderKL, folder / "vae", **weights)
        text = load_part(CLIPTextModel, folder / "text_encoder", **weights)
        tokenizer = load_part(CLIPTokenizer, folder / "tokenizer")
    modules = [module.to(device).eval().requires_grad_(False) for module in (unet, vae, text)]
    adapter = StableDiffusion(
        tokenizer=tokenizer,
        text_encoder=modules[2],
        unet=modules[0],
        vae=modules[1],
        scheduler_config=read_config(folder, "scheduler", "scheduler_config.json"),
    )
    return adapter, int(unet.config["sample_size"]) * adapter.vae_factor


def load_part(kind: Any, part: Path, **options: object) -> Any:
    """What `kind` loads from a folder, and nothing from elsewhere. Raises `ModelError`."""
    try:
        return kind.from_pretrained(part, local_files_only=True, **options)
    except Exception as error:  # these libraries raise dozens of types for a broken file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"'{part}' cannot be loaded ({reason:.160}); download or save the model again") from error
