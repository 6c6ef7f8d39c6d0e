"""Local blend, as in the Prompt-to-Prompt code: where the words' maps are low, the latents are replaced by the
source's.

Legend: P masks of one kind, H heads, Q image queries, K text tokens, W columns asked for, h and w cells of a grid.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.sites import AttentionLayer, shared_layers
from wordbrush.attention.watch import Reading, token_columns
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.blend_words import BlendTokens
from wordbrush.edits.placement import nearest
from wordbrush.edits.window import Window
from wordbrush.errors import ControlError, OutputError, SettingsError

MOST_CHANGED = 0.9
"""The quantile of a region's differences from the source that stands for its most changed cells."""
SCALED = 0.2
"""The part of a map's highest value above which cells are those of the thing that is drawn in another size."""
THING = 0.15
"""The part of a map's highest value above which cells are a thing's, and no surroundings to fill a region with."""


def region(maps_Phw: Tensor, size: tuple[int, int], threshold: float, pool: int, *, smooth: bool = False) -> Tensor:
    """Where each map is above `threshold` times its highest value, as booleans (P, *size).

    Maps are grown by a maximum over `pool` x `pool` cells and resized to `size` by the nearest cell. A `smooth` map is
    interpolated to `size` first, for finer edges. A map that is nowhere above zero has an empty region.

    >>> region(torch.tensor([[[1.0, 0.2], [0.4, 0.0]]]), (2, 2), 0.3, pool=1).tolist()
    [[[True, False], [True, False]]]
    """
    return _shares(maps_Phw, size, pool, smooth=smooth) > threshold


def _shares(maps_Phw: Tensor, size: tuple[int, int], pool: int, *, smooth: bool) -> Tensor:
    """Each map as parts of its highest value (P, *size), grown and resized as `region` says."""
    maps = maps_Phw[:, None]
    if smooth:
        maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
    cells = F.interpolate(F.max_pool2d(maps, pool, stride=1, padding=pool // 2), size=size)[:, 0]
    peak = cells.amax(dim=(1, 2), keepdim=True)
    return cells / torch.where(peak > 0, peak, torch.inf)


def differing(difference_Bhw: Tensor, region_Bhw: Tensor, least: float) -> Tensor:
    """Where latents differ from the source's by at least a part `least` of what the most changed cells of each region
    differ by; a boolean (B, h, w), grown by one cell.

    >>> difference = torch.tensor([[[9.0, 0.1, 0.1, 0.1], [8.0, 0.1, 0.1, 0.1]]])
    >>> differing(difference, torch.ones(1, 2, 4, dtype=torch.bool), 0.5).int().tolist()
    [[[1, 1, 0, 0], [1, 1, 0, 0]]]
    """
    inside = torch.where(region_Bhw, difference_Bhw, torch.nan).flatten(1)
    most_B = torch.nanquantile(inside, MOST_CHANGED, dim=1).nan_to_num()
    changed = difference_Bhw >= least * most_B[:, None, None]
    return F.max_pool2d(changed[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0


Rescale = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]
"""Of finished latents (1, C, h, w), a thing's cells (h, w) and a ratio: the latents in which it is so many times as
long, and the cells in which it is or was.
"""


class SourceLatents(NamedTuple):
    """A source's latents (1, C, h, w) after a step, the share of the picture in them, and its finished latents, which
    are known where it ran before.
    """

    now: Tensor
    signal: float
    finished: Tensor | None


class Blender:
    """The local blend of one run: a `Watch` of the words' maps that the loop asks for the blended latents after each
    step.

    Maps are summed over heads, layers (`sites.shared_layers`) and steps. A sum is the mean times a constant, and
    thresholds relative to the highest value do not depend on constants.
    """

    def __init__(
        self,
        blend: LocalBlend,
        tokens: Mapping[int, BlendTokens],
        text_length: int,
        layers: Sequence[AttentionLayer],
        num_steps: int,
        latent_size: tuple[int, int],
        rescale: Rescale | None = None,
    ) -> None:
        """Prepare a run of `num_steps` on latents (h, w), for the branches of `tokens`; `layers` are all the model's
        layers. `rescale` draws a thing of the source in another size, for a blend with a `fill_scale`.

        Raises `SettingsError` if the user's mask has another size.
        """
        self.reads: Reading = blend.maps
        self._blend = blend
        self.branches = tuple(tokens)
        self._tokens = tuple(tokens.values())
        self._start = blend.start_step(num_steps)
        self._rescale = rescale
        self._placed: tuple[Tensor, Tensor] | None = None
        self._filled_steps = Window(0.0, blend.fill_steps).steps(num_steps)
        self._size = latent_size
        self._columns = _columns(tokens, text_length)
        seen = shared_layers(layers)
        self._layers = set(seen)
        self._grid = seen[0].grid
        self._sums: dict[int, Tensor] = {}
        self._spread: dict[int, Tensor] = {}
        self._carrying = {layer for layer in layers if blend.spread and not layer.text and layer.grid == self._grid}
        self.self_max_pixels = max((layer.pixels for layer in self._carrying), default=0)
        self._masks: list[Tensor] = []
        self._allowed_now: Tensor | None = None
        self._difference: Tensor | float = 0.0
        self._own = None if blend.mask is None else blend.mask.to_tensor()
        if self._own is not None and self._own.shape != latent_size:
            mask, latents = (" x ".join(map(str, size)) for size in (self._own.shape, latent_size))
            raise SettingsError(f"the mask has {mask} cells and the latents {latents}; give a mask for this picture")

    def asks(self, step: int, branch: int) -> bool:
        """Every step counts towards the mean, the steps before the blend starts as well."""
        return branch in self._columns

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """A branch's words in the layers that give maps; its maps so far in the layers that carry them on."""
        if layer in self._carrying:
            return self._so_far(branch)
        return self._columns[branch] if layer in self._layers else None

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Add one layer's maps to the maps so far, or carry the maps so far through one more layer."""
        self._allowed_now = None
        if layer in self._carrying:
            so_far_QW = self._so_far(branch)
            assert so_far_QW is not None  # `columns` returned it
            self._spread[branch] = (so_far_QW + maps_HQW.to(so_far_QW).mean(0)) / 2
            return
        maps_QW = maps_HQW.to(torch.promote_types(maps_HQW.dtype, torch.float32)).sum(0)
        self._sums[branch] = self._sums.get(branch, 0) + maps_QW

    def after_step(self, step: int, latents: Tensor, source: SourceLatents) -> Tensor:
        """Its branches' latents (branches, C, h, w), with the source's wherever they must not change.

        After a step that showed it no maps, that is where it was before.
        """
        if self._allowed_now is None:
            self._allowed_now = self._allowed()
        if step >= self._start:
            if self._rescale is not None and self._placed is None:
                self._placed = self._place(self._rescale, source)
            allowed = self._allowed_now.to(latents.device)
            if self._placed is not None:
                placed = self._placed[1] if self._own is None else self._placed[1] & self._own
                allowed = allowed | placed.to(latents.device)
            if step in self._filled_steps:
                latents = torch.where(allowed[:, None], self._filled(allowed, source), latents)
            if self._blend.least_difference:
                self._difference = self._difference + (latents - source.now).abs().mean(dim=1, dtype=torch.float32)
                allowed = allowed & differing(self._difference, allowed, self._blend.least_difference)
            self._masks.append(allowed)
            latents = torch.where(self._masks[-1][:, None], latents, source.now)
        self._spread.clear()  # each step carries the maps so far again
        return latents

    @property
    def changing(self) -> Tensor | None:
        """Where its targets changed at the last step (branches, h, w); None before its first one."""
        return self._masks[-1] if self._masks else None

    def describe(self) -> list[str]:
        """Where each of its targets may change, in words."""
        inside = [] if self._own is None else ["inside of the mask"]
        return [" and ".join(_where(tokens) + inside) for tokens in self._tokens]

    def finish(self) -> Tensor:
        """Its masks (branches, steps, h, w), from the first blended step to the last.

        Raises `ControlError` if a target's finished picture may change nowhere.
        """
        for index, (branch, tokens) in enumerate(zip(self.branches, self._tokens, strict=True)):
            if not bool(self._masks[-1][index].any()):
                raise self._nothing_changes(index, branch, tokens)
        return torch.stack(self._masks, dim=1)

    def _allowed(self) -> Tensor:
        """Where each of its targets may change, (branches, h, w)."""
        masks = self._own.expand(len(self._tokens), -1, -1) if self._own is not None else None
        if not self._columns:
            assert masks is not None  # a blend has words or a mask
            return masks
        words = self._words()
        if self._blend.subtract_words:
            left = words & ~self._subtracted()
            if self._blend.fill_steps:  # a thing that is taken away has a place, also where another one covers it
                left = torch.where(left.flatten(1).any(1)[:, None, None], left, words)
            words = left
        return words if masks is None else words & masks.to(words.device)

    def _filled(self, allowed: Tensor, source: SourceLatents) -> Tensor:
        """The source (branches, C, h, w) with its own noise, and its surroundings where each branch may change."""
        finished = source.finished
        assert finished is not None  # a source whose edits fill runs before them
        if self._placed is not None:
            return source.now + source.signal * (self._placed[0] - finished)
        filled = []
        for asking_hw, things_hw in zip(allowed.cpu(), self._things().cpu(), strict=True):
            places = nearest(asking_hw, ~(things_hw | asking_hw)).flatten().to(finished.device)
            filled.append(finished.flatten(2)[:, :, places].reshape(finished.shape))
        return source.now + source.signal * (torch.cat(filled) - finished)

    def _place(self, rescale: Rescale, source: SourceLatents) -> tuple[Tensor, Tensor]:
        """The source's finished latents (branches, C, h, w) with each target's thing in its new size, and where it is
        or was (branches, h, w).
        """
        assert source.finished is not None  # a source whose edits fill runs before them
        kinds = [[self._map(SOURCE, 2 * i + kind) for i in range(len(self._tokens))] for kind in (0, 1)]
        own, others = (_shares(torch.stack(maps), self._size, 1, smooth=True) for maps in kinds)
        things = ((own > SCALED) & (own >= others)).cpu()
        placed = [rescale(source.finished, thing, self._blend.fill_scale) for thing in things]
        return torch.cat([latents for latents, _ in placed]), torch.stack([where for _, where in placed])

    def _things(self) -> Tensor:
        """Cells of the words and of those to subtract (branches, h, w), as far as anything of them can be seen."""
        if not self._columns:
            return torch.zeros(len(self._tokens), *self._size, dtype=torch.bool)
        words = self._either(0, THING, self._blend.pool)
        return words | self._either(1, THING, self._blend.pool) if self._blend.subtract_words else words

    def _words(self) -> Tensor:
        if not self._blend.names_words:
            return torch.ones(len(self._tokens), *self._size, dtype=torch.bool)
        return self._either(0, self._blend.threshold, self._blend.pool)

    def _subtracted(self) -> Tensor:
        return self._either(1, self._blend.subtract_threshold, 1)

    def _either(self, kind: int, threshold: float, pool: int) -> Tensor:
        """Regions of kind 0, the words, or 1, those to subtract: the target's and the source's together."""
        targets = torch.stack([self._map(branch, kind) for branch in self.branches])
        sources = torch.stack([self._map(SOURCE, 2 * i + kind) for i in range(len(self._tokens))])
        found = [region(maps, self._size, threshold, pool, smooth=self._blend.spread) for maps in (targets, sources)]
        return found[0] | found[1]

    def _so_far(self, branch: int) -> Tensor | None:
        return self._spread.get(branch, self._sums.get(branch))

    def _map(self, branch: int, column: int) -> Tensor:
        maps_QW = self._so_far(branch)
        assert maps_QW is not None  # every step looks at the words
        map_Q = maps_QW[:, column]
        return (map_Q - map_Q.min() if self._blend.spread else map_Q).reshape(self._grid)

    def _nothing_changes(self, index: int, branch: int, tokens: BlendTokens) -> ControlError | OutputError:
        if not all(bool(torch.isfinite(maps).all()) for maps in self._sums.values()):
            return OutputError("the model's attention is not finite (NaN or infinite); try dtype='float32'")
        words, blend = _quoted(tokens.named) or "the whole picture", self._blend
        if not bool(self._words()[index].any()):
            why = (
                f"the maps of {words} are nowhere above zero; name a word whose weight is above zero, or set the "
                "blend's maps='own'"
            )
        elif blend.subtract_words and not bool((self._words() & ~self._subtracted())[index].any()):
            why = (
                f"the region of {words} (threshold {blend.threshold}) is completely covered by that of "
                f"{_quoted(blend.subtract_words)} (subtract_threshold {blend.subtract_threshold}); lower threshold "
                "or raise subtract_threshold"
            )
        else:
            why = (
                f"the region of {words} (threshold {blend.threshold}) is entirely outside the given mask; lower the "
                "threshold, or draw the mask where the word is"
            )
        return ControlError(f"the blend lets target {branch - SOURCE} change nowhere: {why}")


def _where(tokens: BlendTokens) -> list[str]:
    named = [f"where {_quoted(tokens.named, 'or')} is"] if tokens.named else []
    return named + ([f"where {_quoted(tokens.subtracted, 'or')} is not"] if tokens.subtracted else [])


def _quoted(words: Sequence[str], conjunction: str = "and") -> str:
    return f" {conjunction} ".join(f"'{word}'" for word in words)


def _columns(tokens: Mapping[int, BlendTokens], length: int) -> dict[int, Tensor]:
    """The columns (K, W) of each branch: a target's words and those to subtract; the source has every target's."""
    if not any(target.named or target.subtracted for target in tokens.values()):
        return {}
    columns = {
        branch: token_columns(length, [target.target, target.subtract_target]) for branch, target in tokens.items()
    }
    pairs = [positions for target in tokens.values() for positions in (target.source, target.subtract_source)]
    return {SOURCE: token_columns(length, pairs), **columns}
