"""Where attention happens in a model, and one call of it."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from wordbrush.attention.attend import Attend


@dataclass(frozen=True)
class Site:
    """An attention layer by its module name; "cross" reads the text, "self" the picture."""

    name: str
    kind: Literal["cross", "self"]


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """One attention of a model call: q (B,H,Q,D), k and v (B,H,K,D) after projection, and the model's own kernel."""

    site: Site
    q: Tensor
    k: Tensor
    v: Tensor
    attend: Attend

    @property
    def pixels(self) -> int:
        """How many image positions the layer has."""
        return int(self.q.shape[2])

    def plain(self) -> Tensor:
        """What the model computes without control, (B,H,Q,D)."""
        return self.attend(self.q, self.k, self.v)
