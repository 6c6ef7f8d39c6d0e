"""What networks are trained in: bfloat16, but float32 on a CPU that has no instructions for it."""

import torch

from wordbrush.models.processor import is_slow


def product_dtype(device: str) -> torch.dtype:
    """The dtype of matrix products on "cpu" or "cuda"."""
    return torch.float32 if device == "cpu" and is_slow("bfloat16") else torch.bfloat16


def fast_products(device: str) -> torch.autocast:
    """A scope in which products are computed in that dtype, whatever the parameters are in."""
    dtype = product_dtype(device)
    return torch.autocast(device, torch.bfloat16, enabled=dtype == torch.bfloat16)
