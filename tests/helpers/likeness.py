"""How alike two shapes are."""

from torch import Tensor


def likeness(found: Tensor, truth: Tensor) -> float:
    """The places that both have, as a share of those that either has: intersection over union."""
    return float((found & truth).sum() / (found | truth).sum())
