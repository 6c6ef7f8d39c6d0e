"""A family's image autoencoder: pictures to latents and back, checked on both ways."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wordbrush.errors import OutputError, SettingsError, overflow_remedy
from wordbrush.models.memory import memory_shortage_told


def check_rgb(image: Image.Image) -> None:
    """Raise `SettingsError` for a picture that is not RGB."""
    if image.mode != "RGB":
        raise SettingsError(f"the picture has the mode {image.mode}; convert it to RGB")


@torch.no_grad()
def encode_picture(vae: Any, image: Image.Image, device: torch.device) -> Tensor:
    """The mean latents (1, C, h, w) of an RGB picture; (1, C, 1, h, w) of an autoencoder of films."""
    pixels_HWC = torch.from_numpy(np.array(image)).to(device, vae.dtype) / 127.5 - 1
    pixels = pixels_HWC.permute(2, 0, 1)[None]
    with memory_shortage_told("encoding a picture of this size"):
        encoded = vae.encode(pixels[:, :, None] if _of_films(vae) else pixels)
        latents: Tensor = encoded.latent if hasattr(encoded, "latent") else encoded.latent_dist.mode()
    if not bool(torch.isfinite(latents).all()):
        raise OutputError(f"the picture's latents are not numbers (NaN or infinite){_in_wider(vae.dtype)}")
    return latents


@torch.no_grad()
def decode_picture(vae: Any, latents: Tensor) -> Image.Image:
    """The RGB picture of an autoencoder's own latents (1, C, h, w), or (1, C, 1, h, w). Raises `OutputError` when it
    is not one.
    """
    with memory_shortage_told("decoding a picture of this size"):
        pixels = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
    if not bool(torch.isfinite(pixels).all()):
        raise OutputError(f"the decoder's picture is not a number (NaN or infinite){_in_wider(vae.dtype)}")
    first_CHW = pixels[0, :, 0] if _of_films(vae) else pixels[0]
    unit_HWC = (first_CHW / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).float().cpu()
    if not bool(unit_HWC.any()):
        wider = "" if vae.dtype == torch.float32 else ", or dtype='float32'"
        raise OutputError(f"the picture is all black; try another seed{wider}")
    return Image.fromarray((unit_HWC * 255).round().to(torch.uint8).numpy())


def _in_wider(dtype: torch.dtype) -> str:
    """The end of a message about an autoencoder that overflows, which no setting of a run changes."""
    return "; its weights may be damaged" if dtype == torch.float32 else "; try dtype='float32'"


def check_finite(latents: Tensor) -> None:
    """Raise `OutputError` for latents of which no picture can be made."""
    if not bool(torch.isfinite(latents).all()):
        raise OutputError(f"the model's latents are not numbers (NaN or infinite); {overflow_remedy(latents.dtype)}")


def scaled(vae: Any, latents: Tensor) -> Tensor:
    """An autoencoder's latents as a network was trained to see them."""
    moved: Tensor = (latents - _shift(vae.config)) * vae.config["scaling_factor"]
    return moved


def unscaled(vae: Any, latents: Tensor) -> Tensor:
    """The autoencoder's latents of those that a network makes."""
    moved: Tensor = latents / vae.config["scaling_factor"] + _shift(vae.config)
    return moved


def _of_films(vae: Any) -> bool:
    return "temperal_downsample" in vae.config


def _shift(config: Mapping[str, Any]) -> float:
    """What is taken from latents before they are scaled; nothing in the earlier families."""
    return float(config.get("shift_factor") or 0.0)
