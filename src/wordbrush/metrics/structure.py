"""Structure distance: how the self-similarities of two pictures differ (Tumanyan et al. 2022, arXiv 2201.00424)."""

from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional as F

from wordbrush.metrics.pictures import IMAGENET_MEAN, IMAGENET_STD, as_unit_tensor
from wordbrush.metrics.weights import pretrained

SIDE = 224
"""The shorter side of what the network sees, in pixels."""


class Structure:
    """Structure distance by the keys of the last layer of a DINO ViT-B/8 (Caron et al. 2021, arXiv 2104.14294)."""

    def __init__(self, network: Any) -> None:
        """Use a `ViTModel` of transformers; see `load`."""
        self._network = network.float().eval()
        # The layer that makes the keys has another name in other releases of transformers.
        keys = [part for name, part in network.named_modules() if name.rpartition(".")[2] in ("k_proj", "key")]
        self._last_keys = keys[-1]

    @classmethod
    def load(cls, folder: Path) -> "Structure":
        """Load it from a local folder as transformers writes it, safetensors only. Raises `ModelError`."""
        from transformers import ViTModel

        return cls(pretrained(ViTModel, folder, add_pooling_layer=False))

    def distance(self, one: Image, other: Image) -> float:
        """The mean squared difference of the two pictures' self-similarities; 0 for equal pictures."""
        return float(F.mse_loss(self.self_similarity(_small(one, True)), self.self_similarity(_small(other, True))))

    def published_distance(self, one: Image, other: Image) -> float:
        """The same as PIE-Bench's own evaluator computes it (Ju et al. 2024, arXiv 2310.01506).

        That evaluator gives the network pixels in 0..255 where 0..1 is meant, and scales them down (bilinear) without
        smoothing. Published numbers are of this kind.
        """
        return float(F.mse_loss(self.self_similarity(_small(one, False)), self.self_similarity(_small(other, False))))

    @torch.no_grad()
    def self_similarity(self, picture_BCHW: Tensor) -> Tensor:
        """Cosines (T, T) between the keys of all T patches (the class token is the first), all heads side by side."""
        caught: list[Tensor] = []
        hook = self._last_keys.register_forward_hook(lambda module, arguments, keys: caught.append(keys))
        try:
            self._network(picture_BCHW, interpolate_pos_encoding=True)
        finally:
            hook.remove()
        keys_TD = caught[0][0]
        norms_T = keys_TD.norm(dim=1)
        cosines_TT: Tensor = (keys_TD @ keys_TD.T) / (norms_T[:, None] * norms_T).clamp(min=1e-8)
        return cosines_TT


def _small(picture: Image, corrected: bool) -> Tensor:
    pixels = as_unit_tensor(picture)
    height, width = pixels.shape[-2:]
    scale = SIDE / min(height, width)
    size = (round(height * scale), round(width * scale))
    if not corrected:
        pixels = pixels * 255
    pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=corrected)
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels - mean) / std
