"""Where attention happens in a model, and one call of it.

Legend: B rows, H heads, Q queries, K keys, D head width.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Literal

from torch import Tensor

from wordbrush.attention.attend import along
from wordbrush.attention.kernel import Kernel, MapInputs

SiteKind = Literal["cross", "self", "joint"]
"""What the keys of a layer are: the text, the picture, or both on one axis."""


@dataclass(frozen=True)
class Site:
    """An attention layer by its module name, and what it looks at."""

    name: str
    kind: SiteKind


@dataclass(frozen=True)
class AttentionLayer:
    """A site with its number of heads, the height and width of its picture in cells, and what its keys are.

    `text` and `image` are ranges of positions on the key axis. Of "cross" the text is the whole axis and `image` is
    empty, of "self" the other way round; of "joint" both have their part. Behind the picture there may be `padding`,
    positions that are neither. The picture may be longer than the grid, which then is its first part: the other
    positions are looked at, but do not look. Where a text is as long as its prompt, the ranges are those of one call:
    layers are compared without them. `shows_words` is false of a layer whose attention to the text says little of
    where a word is: maps and blends leave it out.
    """

    site: Site
    heads: int
    height: int
    width: int
    text: range = field(compare=False)
    image: range = field(compare=False)
    shows_words: bool = True
    padding: int = 0

    @classmethod
    def cross(cls, name: str, heads: int, grid: tuple[int, int], text_length: int) -> "AttentionLayer":
        """A layer whose keys are the text alone."""
        return cls(Site(name, "cross"), heads, *grid, text=range(text_length), image=range(0))

    @classmethod
    def own(cls, name: str, heads: int, grid: tuple[int, int], padding: int = 0) -> "AttentionLayer":
        """A layer in which the picture looks at itself."""
        return cls(Site(name, "self"), heads, *grid, text=range(0), image=range(prod(grid)), padding=padding)

    @classmethod
    def joint(
        cls,
        name: str,
        heads: int,
        grid: tuple[int, int],
        text_length: int,
        *,
        text_first: bool,
        shows_words: bool = True,
        padding: int = 0,
    ) -> "AttentionLayer":
        """A layer in which text and picture stand on one axis, of queries as of keys.

        >>> AttentionLayer.joint("block.0", 2, (4, 4), 3, text_first=True).image
        range(3, 19)
        """
        pixels = prod(grid)
        first = 0 if text_first else pixels + padding
        text, start = range(first, first + text_length), text_length if text_first else 0
        image = range(start, start + pixels)
        return cls(Site(name, "joint"), heads, *grid, text=text, image=image, shows_words=shows_words, padding=padding)

    def over(self, keys: int) -> "AttentionLayer":
        """The same layer in a call of so many keys, whose text is longer or shorter by the difference.

        >>> AttentionLayer.joint("block.0", 2, (4, 4), 3, text_first=True).over(21).image
        range(5, 21)
        """
        longer = keys - self.keys
        if not longer or self.site.kind != "joint":
            return self
        text, image = along(self.text, self.image, longer)
        return replace(self, text=text, image=image)

    @property
    def keys(self) -> int:
        """How many keys it has."""
        return len(self.text) + len(self.image) + self.padding

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.height, self.width

    @property
    def pixels(self) -> int:
        """How many image positions the layer has."""
        return self.height * self.width

    @property
    def queries(self) -> range:
        """The picture's positions on the query axis."""
        return range(self.image.start, self.image.start + self.pixels)


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """One attention of a model call: q (B,H,Q,D), k and v (B,H,K,D) after projection, the mask (B,H or 1,Q or 1,K) if
    there is one, and the model's own kernel. After it ran, `log_sums` has `MapInputs.log_sum_HQ` of the rows of which
    it told them.
    """

    layer: AttentionLayer
    q: Tensor
    k: Tensor
    v: Tensor
    mask: Tensor | None
    kernel: Kernel
    log_sums: Sequence[Tensor | None] = ()

    @property
    def site(self) -> Site:
        """Which layer it is."""
        return self.layer.site

    def row(self, row: int) -> MapInputs:
        """What the attention map of one batch row is made of."""
        mask = None if self.mask is None else self.mask[row]
        return MapInputs(self.q[row], self.k[row], mask, self.log_sums[row] if self.log_sums else None)

    def plain(self) -> Tensor:
        """What the model computes without control, (B,H,Q,D)."""
        return self.kernel(self.q, self.k, self.v, self.mask)


def shared_layers(layers: Iterable[AttentionLayer]) -> tuple[AttentionLayer, ...]:
    """The layers that show words, of the coarsest resolution that several of them have; of the coarsest, if none
    has.

    That is where words have their clearest regions: 16 x 16 of Stable Diffusion's 512 pixels, for only its middle
    block, a single layer, is coarser. Nothing of it is particular to a size or a model.

    >>> def cross(side): return AttentionLayer.cross(f"attn{side}", 8, (side, side), 77)
    >>> [layer.grid for layer in shared_layers(map(cross, (32, 16, 8, 16, 32)))]
    [(16, 16), (16, 16)]
    """
    reading = [layer for layer in layers if layer.text and layer.shows_words]
    counts = Counter(layer.grid for layer in reading)
    coarsest = min([grid for grid, count in counts.items() if count > 1] or counts, key=prod)
    return tuple(layer for layer in reading if layer.grid == coarsest)
