"""Pictures as tensors, and pictures blacked out by masks."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def as_unit_tensor(picture: Image.Image) -> Tensor:
    """A picture as (1, 3, H, W) in 0..1.

    >>> as_unit_tensor(Image.new("RGB", (4, 2), "white")).shape
    torch.Size([1, 3, 2, 4])
    """
    pixels_HWC = torch.from_numpy(np.asarray(picture.convert("RGB")).copy())
    return pixels_HWC.permute(2, 0, 1)[None].float() / 255


def blacked_out(picture: Image.Image, keep_HW: NDArray[np.bool_]) -> Image.Image:
    """A picture that is black wherever `keep_HW` is false.

    >>> blacked_out(Image.new("RGB", (2, 1), "white"), np.array([[True, False]])).getpixel((1, 0))
    (0, 0, 0)
    """
    return Image.fromarray(np.asarray(picture.convert("RGB")) * keep_HW[..., None].astype(np.uint8))
