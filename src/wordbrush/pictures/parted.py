"""Whose each pixel of a picture is: of one of the things whose words' maps are known, or of none."""

from collections.abc import Sequence
from math import hypot

import torch
from PIL import Image
from torch import Tensor

from wordbrush.pictures.outlines import colours, outlined, smooth

_STEP = 0.013
"""How much all channels of two neighbours together may differ, in parts of the range, and mostly be of one thing. In a
picture whose neighbours differ by more as a rule, so much more."""
_PULL = 0.01
"""How much the maps count next to the colours of neighbours."""
_GROUND = 0.1
"""The part of a map's highest value below which a pixel is more likely of no thing."""
_LEAST = 1e-4
"""How much neighbours hang together across the sharpest edge."""
_ROUNDS, _CLOSE = 200, 3e-3
_TINY = 1e-30
_AHEAD = ((0, 1), (1, 0), (1, 1), (1, -1))
"""The neighbours ahead of a pixel, down and right of it; those behind have it ahead."""


def parted(maps_Phw: Tensor, picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """How likely each pixel is of each map's thing (P, H, W), from 0 to 1, at a few pixels to a cell.

    maps_Phw: maps (P, h, w) that cover the picture, each of one thing; one that is nowhere above zero stays so.
    picture: an RGB picture.
    size: height and width of the latents, in cells; each has four pixels along a side, fewer in large pictures.

    A pixel is as likely of a thing as a random walk from it, which seldom steps over edges of colour, ends there
    (Grady 2006, doi:10.1109/TPAMI.2006.233). It ends where the thing's map, with its `outlined` form in equal parts,
    is high; it ends elsewhere where another thing's is, or no map at all (priors, Grady 2005,
    doi:10.1109/CVPR.2005.239).

    >>> picture = Image.new("RGB", (64, 64), "white")
    >>> picture.paste("black", (16, 16, 48, 48))
    >>> seen = torch.zeros(1, 8, 8)
    >>> seen[0, 3:5, 3:5] = 1
    >>> (parted(seen, picture, (8, 8))[0] > 0.5).sum().item()  # 16 x 16 of 32 x 32
    256
    """
    colours_CHW = colours(picture, size)[0]
    height, width = colours_CHW.shape[1:]
    carried_PHW = outlined(maps_Phw, picture, size)
    likely_PHW = (smooth(maps_Phw, (height, width)) + carried_PHW) / 2
    ground_1HW = torch.full((1, height, width), _GROUND)
    others = [torch.cat([ground_1HW, likely_PHW[:i], likely_PHW[i + 1 :]]).amax(0) for i in range(len(likely_PHW))]
    return _ends(_bonds(colours_CHW), likely_PHW, torch.stack(others))


def _bonds(colours_CHW: Tensor) -> list[Tensor]:
    """How much each pixel (H, W) hangs together with its neighbours ahead; not at all beyond the picture's edge."""
    apart = [(colours_CHW - _ahead(colours_CHW, way)).abs().sum(0) for way in _AHEAD]
    found = []
    usual = apart[0].median().clamp(min=_STEP)
    for (down, right), apart_HW in zip(_AHEAD, apart, strict=True):
        bond_HW = (-apart_HW / usual).exp() / hypot(down, right) + _LEAST
        if down:
            bond_HW[-1] = 0
        if right:
            bond_HW[:, -1 if right > 0 else 0] = 0
        found.append(bond_HW)
    return found


def _ends(bonds: Sequence[Tensor], here_PHW: Tensor, elsewhere_PHW: Tensor) -> Tensor:
    """How likely walks end here (P, H, W), by conjugate gradients: each pixel is the mean of its neighbours, by their
    bonds, and of 1 and 0, by how much speaks for here and for elsewhere.
    """
    total_PHW = sum(
        (bond + _behind(bond, way) for bond, way in zip(bonds, _AHEAD, strict=True)),
        _PULL * (here_PHW + elsewhere_PHW),
    )

    def applied(x_PHW: Tensor) -> Tensor:
        near = (
            bond * _ahead(x_PHW, way) + _behind(bond * x_PHW, way) for bond, way in zip(bonds, _AHEAD, strict=True)
        )
        return total_PHW * x_PHW - sum(near, torch.zeros_like(x_PHW))

    sought_PHW = _PULL * here_PHW
    x_PHW = here_PHW / (here_PHW + elsewhere_PHW)
    rest_PHW = sought_PHW - applied(x_PHW)
    scaled_PHW = rest_PHW / total_PHW
    way_PHW, before_P11 = scaled_PHW, _dot(rest_PHW, scaled_PHW)
    for _ in range(_ROUNDS):
        if bool((rest_PHW.norm(dim=(1, 2)) <= _CLOSE * sought_PHW.norm(dim=(1, 2))).all()):
            break
        ahead_PHW = applied(way_PHW)
        far_P11 = before_P11 / _dot(way_PHW, ahead_PHW).clamp(min=_TINY)
        x_PHW, rest_PHW = x_PHW + far_P11 * way_PHW, rest_PHW - far_P11 * ahead_PHW
        scaled_PHW = rest_PHW / total_PHW
        now_P11 = _dot(rest_PHW, scaled_PHW)
        way_PHW, before_P11 = scaled_PHW + now_P11 / before_P11.clamp(min=_TINY) * way_PHW, now_P11
    return x_PHW


def _dot(a_PHW: Tensor, b_PHW: Tensor) -> Tensor:
    return (a_PHW * b_PHW).sum(dim=(1, 2), keepdim=True)


def _ahead(values: Tensor, way: tuple[int, int]) -> Tensor:
    """At each pixel, what its neighbour there has."""
    return values.roll((-way[0], -way[1]), dims=(-2, -1))


def _behind(values: Tensor, way: tuple[int, int]) -> Tensor:
    """At each pixel, what the neighbour has whose neighbour ahead it is."""
    return values.roll(way, dims=(-2, -1))
