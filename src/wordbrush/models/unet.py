"""The attention layers and residual blocks of diffusers' conditional U-Net, shared by the families that have one."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from diffusers import UNet2DConditionModel
from torch import nn

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.attention.sites import AttentionLayer
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.models.intercept import attention_modules, residual_branches

_BLOCKS = ("down", "mid", "up")
"""How the names of its blocks begin: what else has attention reads the picture of an IP-Adapter."""


class UNetLayers:
    """Where a U-Net reads its text, where its picture looks at itself, and which layers an edit may name."""

    def __init__(self, unet: UNet2DConditionModel, text_length: int, choice: LayerChoice = OWN_CHOICE) -> None:
        """List the layers of `unet`, whose text has `text_length` tokens; `choice` is what was chosen of them."""
        self.modules: Mapping[str, nn.Module] = {
            name: module for name, module in attention_modules(unet).items() if name.split("_")[0] in _BLOCKS
        }
        self.branches: Mapping[str, nn.Module] = residual_branches(unet)
        self._levels = len(unet.config["block_out_channels"])
        self._text_length = text_length
        self._choice = choice
        self.at = lru_cache(maxsize=16)(self._at)
        """The attention layers for latents of (h, w) cells, in the order in which they run."""

    @property
    def coarsest(self) -> int:
        """How many latent cells a position of the coarsest layer is wide and high."""
        return int(2 ** (self._levels - 1))

    def editable(self, latent_size: tuple[int, int]) -> EditableLayers:
        """All self-attention of the U-Net, and that of its way up with the residual blocks there."""
        pixels = {layer.site.name: layer.pixels for layer in self.at(latent_size) if not layer.text}
        decoder_self, decoder_blocks = (tuple(filter(_is_decoder, names)) for names in (pixels, self.branches))
        return EditableLayers(pixels, decoder_self, decoder_blocks, self._choice.layout)

    def _at(self, latent_size: tuple[int, int]) -> tuple[AttentionLayer, ...]:
        # Each block but the last halves its picture on the way down, rounding up; the way up mirrors it.
        last = self._levels - 1
        layers = []
        for name, module in self.modules.items():
            part, _, rest = name.partition(".")
            block = last if part == "mid_block" else int(rest.split(".")[0])
            order = block if part == "down_blocks" else last + 1 + (block if part == "up_blocks" else -1)
            halvings = last - block if part == "up_blocks" else block
            height, width = (-(-side // 2**halvings) for side in latent_size)
            layers.append((order, self._layer(name, module, (height, width))))
        return self._choice.applied(layer for _, layer in sorted(layers, key=lambda ordered: ordered[0]))

    def _layer(self, name: str, module: nn.Module, grid: tuple[int, int]) -> AttentionLayer:
        heads: Any = module.heads
        if getattr(module, "is_cross_attention", False):
            return AttentionLayer.cross(name, int(heads), grid, self._text_length)
        return AttentionLayer.own(name, int(heads), grid)


def _is_decoder(name: str) -> bool:
    return name.startswith("up_blocks.")
