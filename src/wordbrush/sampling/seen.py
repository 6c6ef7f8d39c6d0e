"""What a local blend sees in its source's picture, once: where things end, and things that it draws otherwise.

Legend: P masks of one kind, B branches, h and w cells of the latents, H and W pixels at which outlines are found.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from wordbrush.edits.blend import LocalBlend
from wordbrush.sampling.cells import cell_shares
from wordbrush.sampling.word_maps import WordMaps

SCALED = 0.2
"""The part of a map's highest value above which cells are those of a thing that is redrawn."""
NEARLY_ALL = 0.95
"""The part of the picture above which what should stay has no outline to be seen in it: nothing is subtracted."""


class Sight(Protocol):
    """The picture of a source, of whose finished latents (1, C, h, w) a blend asks."""

    def outlined(self, finished: Tensor, maps_Phw: Tensor) -> Tensor:
        """Maps (P, H, W) of the words in it, carried to the outlines of things, or how likely pixels are theirs."""
        ...

    def redrawn(self, finished: Tensor, thing_HW: Tensor, others_HW: Tensor) -> tuple[Tensor, Tensor]:
        """The latents of the picture in which a thing has another size, number or colour, or stands otherwise to
        others, and the cells (h, w) in which one is or was that is not the same.
        """
        ...


class Outlined(NamedTuple):
    """Pixels of the things that a blend's words name, and of those that stay (B, H, W)."""

    words_BHW: Tensor
    others_BHW: Tensor


class Redrawn(NamedTuple):
    """The latents of a picture for each branch (B, C, h, w) in which a thing is drawn otherwise, and the cells
    (B, h, w) in which one is or was.
    """

    latents: Tensor
    cells_Bhw: Tensor


class Seen(NamedTuple):
    """What a blend asked for of the source's picture; None what it did not."""

    outlined: Outlined | None = None
    redrawn: Redrawn | None = None


def look(sight: Sight, finished: Tensor, maps: WordMaps, blend: LocalBlend) -> Seen:
    """Find the outlines of the source's things, and have redrawn what is to be another.

    `finished` are the source's latents (1, C, h, w), and `maps` show its words.
    """
    of_source = maps.of_source()
    if blend.outlined:
        of_branches = [sight.outlined(finished, torch.stack(each)) for each in zip(*of_source, strict=True)]
        found = list(torch.stack(of_branches, dim=1))
        least, least_others = (blend.parted or each for each in (blend.threshold, blend.subtract_threshold))
    else:
        height, width = finished.shape[-2:]
        found = [cell_shares(each, (height, width), 1, smooth=True) for each in of_source]
        least, least_others = SCALED, SCALED
    own, others = torch.stack(found[:-1]).amax(0), found[-1]
    words, stay = own > least, (others > least_others) & (others > own)
    return Seen(
        Outlined(words, stay & (stay.float().mean(dim=(1, 2), keepdim=True) < NEARLY_ALL)) if blend.outlined else None,
        _redrawn(sight, finished, words & (own >= others), stay) if blend.redraws else None,
    )


def _redrawn(sight: Sight, finished: Tensor, things_BHW: Tensor, others_BHW: Tensor) -> Redrawn:
    """Each branch's things drawn otherwise; the picture takes its masks on the CPU."""
    drawn = [
        sight.redrawn(finished, thing_HW, others_HW)
        for thing_HW, others_HW in zip(things_BHW.cpu(), others_BHW.cpu(), strict=True)
    ]
    return Redrawn(torch.cat([latents for latents, _ in drawn]), torch.stack([cells for _, cells in drawn]))
