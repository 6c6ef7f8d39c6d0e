"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv 1602.07360) as LPIPS uses it: seven feature maps of a picture."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 384, 384, 512, 512)
"""Channels of the seven feature maps."""

_FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128)}
_FIRES |= {9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}
_POOLS = (2, 5, 8)
_TAPS = (1, 4, 7, 9, 10, 11, 12)


class Fire(nn.Module):
    """Squeeze to a few channels, then expand with 1 x 1 and 3 x 3 filters in parallel."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        """Create the layers with random weights; the output has `2 * expanded` channels."""
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, channels, h, w) to features (B, 2 * expanded, h, w)."""
        squeezed = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1).relu()


class SqueezeNet(nn.Module):
    """The convolutions of SqueezeNet 1.1.

    Tensors are named as torchvision names them: `features.0.weight`, then `features.N.squeeze.weight`,
    `features.N.expand1x1.weight` and `features.N.expand3x3.weight` for N in 3, 4, 6, 7, 9, 10, 11, 12, each with its
    `bias`.

    >>> [tuple(x.shape) for x in SqueezeNet()(torch.zeros(1, 3, 64, 64))][:2]
    [(1, 64, 31, 31), (1, 128, 15, 15)]
    """

    def __init__(self) -> None:
        """Create the layers with random weights."""
        super().__init__()
        # A ModuleDict and not a list: torchvision's numbers also count layers without weights, which are not here.
        layers: dict[str, nn.Module] = {"0": nn.Conv2d(3, 64, 3, stride=2)}
        layers |= {str(index): Fire(*widths) for index, widths in _FIRES.items()}
        self.features = nn.ModuleDict(layers)

    def forward(self, x: Tensor) -> Sequence[Tensor]:
        """The seven feature maps (B, channels, h, w) of pictures (B, 3, H, W), normalised as ImageNet is."""
        maps = []
        for index in range(max(_TAPS) + 1):
            if index in _POOLS:
                x = nn.functional.max_pool2d(x, 3, stride=2, ceil_mode=True)
            elif index == 1:
                x = x.relu()
            else:
                x = self.features[str(index)](x)
            if index in _TAPS:
                maps.append(x)
        return maps
