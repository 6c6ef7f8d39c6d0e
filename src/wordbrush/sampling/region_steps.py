"""Which steps of a run compute only the region that a local blend lets change, and which are whole."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.region import Region
from wordbrush.attention.surroundings import Surroundings
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.sampling.adapter import Predictor, RegionCall
from wordbrush.sampling.blender import Blender
from wordbrush.sampling.deep_features import DeepStep

LARGEST = 0.5
"""The part of the picture above which a region saves less than deep features that are re-used."""


class RegionStep(NamedTuple):
    """What the model calls of one step do: each keeps what it computes, or computes `region` among what it kept, and
    keeps or re-uses deep features of the region.
    """

    surroundings: tuple[Surroundings, ...]
    region: Region | None
    deep: DeepStep | None

    def call(self, number: int, layout: BatchLayout) -> RegionCall:
        """What one of the calls keeps or reads, prepared for its rows."""
        self.surroundings[number].begin(layout, self.region)
        return RegionCall(self.surroundings[number], None if self.deep is None else self.deep.call(number, layout))


class RegionSteps:
    """When a run computes its region alone: at all but one of `region_interval` steps, once its blends have found it,
    and before that, where it is the user's mask, at all but one of `early_interval`: what the network saw of pure
    noise is of little use later.

    The region is that of all targets together, grown by `region_halo` latent cells; it stays the same from one whole
    step to the next. One that is too large ends it: what follows is whole.
    """

    def __init__(
        self,
        model: Predictor,
        latent_size: tuple[int, int],
        fast: Shortcuts,
        blends: Sequence[Blender],
        branches: Sequence[int],
    ) -> None:
        """Begin with nothing held. A network without a form of regions, or whose form does not fit the latents, and a
        target without a blend, have only whole steps.
        """
        held = {branch for blend in blends for branch in blend.branches}
        asked = fast.region_interval > 1 and set(branches) <= held
        self._form = model.region_form if asked else None  # a U-Net looks at all of its modules for it
        self.idle = self._form is None or not self._form.fits(latent_size)
        self._fast, self._blends = fast, blends
        self._surroundings = Surroundings(), Surroundings()
        self._since, self._interval, self._layout = 0, 1, BatchLayout(())
        self._region: Region | None = None

    def region(self, step: int, layout: BatchLayout) -> Region | None:
        """What a step with these rows can compute alone; None where it must be whole."""
        if (
            self.idle
            or self._since + 1 >= self._interval
            or not set(layout.rows) <= set(self._layout.rows)
            or any(blend.finds_words(step) for blend in self._blends)
        ):
            return None
        if self._region is None:
            masks = [blend.may_change for blend in self._blends]
            found = [mask for mask in masks if mask is not None]
            if len(found) == len(masks):
                assert self._form is not None  # else it is idle
                region = self._form.region(torch.cat(found).any(dim=0), self._fast.region_halo)
                self.idle = region.share > LARGEST and not self._before(step)
                self._region = region if 0 < region.share <= LARGEST else None
        return self._region

    def step(self, step: int, layout: BatchLayout, region: Region | None, deep: DeepStep | None) -> RegionStep | None:
        """What a step does that computes `region`, with what it does with deep features, or is whole; None where it is
        whole, and so is the next one.
        """
        if region is not None:
            self._since += 1
        else:
            held = self.holds(step)
            self._since, self._layout, self._region = 0, layout if held else BatchLayout(()), None
            self._interval = self._fast.early_interval if self._before(step) else self._fast.region_interval
            if not held:
                return None
        return RegionStep(self._surroundings, region, deep)

    def holds(self, step: int) -> bool:
        """Whether a region may be computed after a whole step, from what that one keeps."""
        if self.idle or not self._before(step):
            return not self.idle
        return self._fast.early_interval > 1 and all(blend.may_change_after(step) for blend in self._blends)

    def _before(self, step: int) -> bool:
        return any(blend.begins_after(step) for blend in self._blends)
