"""Where attention happens in a model, and one call of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal

from torch import Tensor

from wordbrush.attention.attend import Attend
from wordbrush.errors import ControlError


@dataclass(frozen=True)
class Site:
    """An attention layer by its module name; "cross" reads the text, "self" the picture."""

    name: str
    kind: Literal["cross", "self"]


@dataclass(frozen=True)
class AttentionLayer:
    """A site with its number of heads, and the height and width of its picture in cells."""

    site: Site
    heads: int
    height: int
    width: int

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.height, self.width

    @property
    def pixels(self) -> int:
        """How many image positions the layer has."""
        return self.height * self.width


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


def grid(pixels: int, latent_size: tuple[int, int]) -> tuple[int, int]:
    """The height and width of a layer with so many image positions, in a model that halves its latents (rounding up).

    Raises `ControlError` when no halving of the latents (h, w) has so many.

    >>> grid(256, (64, 64)), grid(24, (16, 24)), grid(12, (5, 7))
    ((16, 16), (4, 6), (3, 4))
    """
    height, width = latent_size
    while height * width > pixels and height * width > 1:
        height, width = -(-height // 2), -(-width // 2)
    if height * width != pixels:
        raise ControlError(
            f"an attention layer has {pixels} pixels, which is no halving of latents of {latent_size[0]} x "
            f"{latent_size[1]}; its maps cannot be laid out"
        )
    return height, width


def shared_layers(layers: Iterable[AttentionLayer]) -> tuple[AttentionLayer, ...]:
    """The cross-attention layers of the coarsest resolution that several of them have; of the coarsest, if none has.

    That is where words have their clearest regions: 16 x 16 of Stable Diffusion's 512 pixels, for only its middle
    block, a single layer, is coarser. Nothing of it is particular to a size or a model.

    >>> def cross(side): return AttentionLayer(Site(f"attn{side}", "cross"), 8, side, side)
    >>> [layer.grid for layer in shared_layers(map(cross, (32, 16, 8, 16, 32)))]
    [(16, 16), (16, 16)]
    """
    cross = [layer for layer in layers if layer.site.kind == "cross"]
    counts = Counter(layer.grid for layer in cross)
    coarsest = min([grid for grid, count in counts.items() if count > 1] or counts, key=prod)
    return tuple(layer for layer in cross if layer.grid == coarsest)
