"""LPIPS: the distance of two pictures in the features of a network (Zhang et al. 2018, arXiv 1801.03924)."""

from pathlib import Path

import torch
from PIL.Image import Image
from safetensors.torch import load_file
from torch import Tensor

from wordbrush.metrics.pictures import as_unit_tensor
from wordbrush.metrics.squeezenet import WIDTHS, SqueezeNet
from wordbrush.metrics.weights import filled

LINEAR = Path(__file__).parent / "lpips_squeeze_linear.safetensors"
"""The learnt weights of the channels of the seven feature maps, `linear.0` to `linear.6`; see LICENSE-lpips.txt."""

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-8


class Lpips:
    """LPIPS version 0.1 with SqueezeNet, as in PIE-Bench. 0 for equal pictures; lower is more alike."""

    def __init__(self, network: SqueezeNet, linear: tuple[Tensor, ...]) -> None:
        """Use a network and the weights of its channels; see `load`."""
        self._network = network.float().eval()
        self._linear = linear

    @classmethod
    def load(cls, features: Path) -> "Lpips":
        """Load SqueezeNet's weights from a safetensors file (names: see `SqueezeNet`). Raises `ModelError`."""
        weights = load_file(LINEAR)
        return cls(filled(SqueezeNet(), features), tuple(weights[f"linear.{index}"] for index in range(len(WIDTHS))))

    @torch.no_grad()
    def map(self, one_BCHW: Tensor, other_BCHW: Tensor) -> Tensor:
        """The distance at each pixel (B, H, W) of pictures (B, 3, H, W) in 0..1.

        The weighted squared differences of all feature maps, scaled to the pictures' size (bilinear) and summed.
        """
        size = one_BCHW.shape[-2:]
        total = torch.zeros(len(one_BCHW), *size)
        for difference in self._differences(one_BCHW, other_BCHW):
            enlarged = torch.nn.functional.interpolate(difference, size=size, mode="bilinear", align_corners=False)
            total += enlarged[:, 0]
        return total

    @torch.no_grad()
    def distance(self, one_BCHW: Tensor, other_BCHW: Tensor) -> float:
        """LPIPS of two pictures (1, 3, H, W) in 0..1: mean weighted squared differences, summed over feature maps."""
        return sum(float(difference.mean()) for difference in self._differences(one_BCHW, other_BCHW))

    def between(self, one: Image, other: Image) -> float:
        """LPIPS of two pictures of one size."""
        return self.distance(as_unit_tensor(one), as_unit_tensor(other))

    def _differences(self, one: Tensor, other: Tensor) -> list[Tensor]:
        """For each map the weighted squared difference (B, 1, h, w) of features of unit length."""
        shift, scale = (torch.tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
        found = []
        features = (self._network((2 * picture.float() - 1 - shift) / scale) for picture in (one, other))
        for a, b, weight in zip(*features, self._linear, strict=True):
            squared = (_unit(a) - _unit(b)).square()
            found.append((squared * weight[:, None, None]).sum(1, keepdim=True))
        return found


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True) + _EPSILON).sqrt()
