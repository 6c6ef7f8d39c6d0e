"""The one object that every edit is: an affine map over the token axis of an attention map."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class TokenMap:
    """`A* = A_source @ transfer_ST + A_target * keep_T`, where A is the (pixels, tokens) attention of a branch.

    `transfer_ST` (S source tokens, T target tokens) says which source maps reach a target token, and `keep_T` how much
    of its own map it keeps. Token maps are closed under composition (`then`) and interpolation with the identity
    (`faded`). So replacing, refining, re-weighting and scheduling are all this one object (see `docs/decisions/0001`).
    """

    transfer_ST: Tensor
    keep_T: Tensor

    @classmethod
    def identity(cls, source_length: int, target_length: int) -> "TokenMap":
        """The edit that changes nothing: each target token keeps its own map."""
        return cls(torch.zeros(source_length, target_length), torch.ones(target_length))

    @classmethod
    def of_weights(cls, keep_T: Tensor) -> "TokenMap":
        """The edit that multiplies maps, behind any other: it takes nothing from a source of any length."""
        return cls(torch.zeros(1, len(keep_T)), keep_T)

    def then(self, other: "TokenMap") -> "TokenMap":
        """First this edit, then `other` on its result.

        >>> identity = TokenMap.identity(2, 2)
        >>> half = TokenMap(torch.eye(2) / 2, torch.zeros(2))
        >>> half.then(identity).transfer_ST.tolist()
        [[0.5, 0.0], [0.0, 0.5]]
        """
        return TokenMap(other.transfer_ST + self.transfer_ST * other.keep_T, self.keep_T * other.keep_T)

    def faded(self, weight_T: Tensor) -> "TokenMap":
        """This edit with a schedule weight for each token: 1 is the whole edit, 0 the identity."""
        return TokenMap(weight_T * self.transfer_ST, weight_T * self.keep_T + 1 - weight_T)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "TokenMap":
        """The same map on a device and in a dtype."""
        return TokenMap(self.transfer_ST.to(device, dtype), self.keep_T.to(device, dtype))

    @property
    def is_identity(self) -> bool:
        """Whether this edit changes nothing."""
        return not self.uses_source and bool((self.keep_T == 1).all())

    @property
    def uses_source(self) -> bool:
        """Whether any source map reaches the target."""
        return bool(self.transfer_ST.any())

    @property
    def uses_target(self) -> bool:
        """Whether any target token keeps some of its own map."""
        return bool(self.keep_T.any())

    @property
    def transfers_in_place(self) -> bool:
        """Whether each source token's map reaches the target token at its own place, whole, and no other."""
        source, target = self.transfer_ST.shape
        return source == target and bool((self.transfer_ST == torch.eye(source).to(self.transfer_ST)).all())
