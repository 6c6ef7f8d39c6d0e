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
def encode_picture(vae: Any, image: Image.Image, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The mean latents (1, C, h, w) of an RGB picture, scaled as the network was trained to see them."""
    pixels_HWC = torch.from_numpy(np.array(image)).to(device, vae.dtype) / 127.5 - 1
    with memory_shortage_told("encoding a picture of this size"):
        latents = vae.encode(pixels_HWC.permute(2, 0, 1)[None]).latent_dist.mode()
    if not bool(torch.isfinite(latents).all()):
        raise OutputError(f"the picture's latents are not numbers (NaN or infinite){_in_wider(vae.dtype)}")
    scaled: Tensor = (latents.to(dtype) - _shift(vae.config)) * vae.config["scaling_factor"]
    return scaled


@torch.no_grad()
def decode_picture(vae: Any, latents: Tensor) -> Image.Image:
    """The RGB picture of latents (1, C, h, w). Raises `OutputError` when it is not one."""
    if not bool(torch.isfinite(latents).all()):
        raise OutputError(f"the model's latents are not numbers (NaN or infinite); {overflow_remedy(latents.dtype)}")
    whole = (latents / vae.config["scaling_factor"] + _shift(vae.config)).to(vae.dtype)
    with memory_shortage_told("decoding a picture of this size"):
        pixels = vae.decode(whole, return_dict=False)[0]
    if not bool(torch.isfinite(pixels).all()):
        raise OutputError(f"the decoder's picture is not a number (NaN or infinite){_in_wider(vae.dtype)}")
    unit_HWC = (pixels[0] / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).float().cpu()
    if not bool(unit_HWC.any()):
        wider = "" if vae.dtype == torch.float32 else ", or dtype='float32'"
        raise OutputError(f"the picture is all black; try another seed{wider}")
    return Image.fromarray((unit_HWC * 255).round().to(torch.uint8).numpy())


def _in_wider(dtype: torch.dtype) -> str:
    """The end of a message about an autoencoder that overflows, which no setting of a run changes."""
    return "; its weights may be damaged" if dtype == torch.float32 else "; try dtype='float32'"


def _shift(config: Mapping[str, Any]) -> float:
    """What is taken from latents before they are scaled; nothing in the earlier families."""
    return float(config.get("shift_factor") or 0.0)
