"""Local blend, as in the Prompt-to-Prompt code: where the words' maps are low, the latents are replaced by the
source's.

Legend: B branches, h and w cells of the latents, H and W pixels at which outlines are found; in attention Q the
picture's positions, of each of its heads.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.watch import Reading
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.blend_words import BlendTokens
from wordbrush.edits.placement import nearest
from wordbrush.edits.window import Window
from wordbrush.errors import ControlError, OutputError, SettingsError
from wordbrush.pictures.masks import TOUCHED, covered_cells
from wordbrush.sampling.cells import cell_shares, differing, region
from wordbrush.sampling.seen import Seen, Sight, look
from wordbrush.sampling.word_maps import WordMaps

KEPT = 0.5
"""The part of a cell within the outline of a thing that stays above which the cell stays too: the picture's own pixels
of it are kept beside that.
"""
THING = 0.15
"""The part of a map's highest value above which cells are a thing's, and no surroundings to fill a region with."""


class SourceLatents(NamedTuple):
    """A source's latents (1, C, h, w) after a step, the share of the picture in them, and its finished latents, which
    are known where it ran before.
    """

    now: Tensor
    signal: float
    finished: Tensor | None

    def known_finish(self) -> Tensor:
        """The finished latents that a blend asks for, whose source therefore runs before its edits."""
        assert self.finished is not None
        return self.finished


class Blender:
    """The local blend of one run: a `Watch` of the words' maps that the loop asks for the blended latents after each
    step.
    """

    def __init__(
        self,
        blend: LocalBlend,
        tokens: Mapping[int, BlendTokens],
        text_length: int,
        layers: Sequence[AttentionLayer],
        num_steps: int,
        latent_size: tuple[int, int],
        sight: Sight | None = None,
    ) -> None:
        """Prepare a run of `num_steps` on latents (h, w), for the branches of `tokens`; `layers` are all the model's
        layers. `sight` is the source's picture, for a blend that outlines or redraws things of it.

        Raises `SettingsError` if the user's mask has another size.
        """
        self.reads: Reading = blend.maps
        self._blend = blend
        self.branches = tuple(tokens)
        self._tokens = tuple(tokens.values())
        self._start = blend.start_step(num_steps)
        self._sight = sight
        self._seen = Seen()
        self._filled_steps = Window(0.0, blend.fill_steps).steps(num_steps)
        self._size = latent_size
        self._maps = WordMaps(tokens, text_length, layers, spread=blend.spread)
        self.self_max_pixels = self._maps.self_max_pixels
        self._masks: list[Tensor] = []
        self._allowed_now: Tensor | None = None
        self._difference: Tensor | float = 0.0
        self._own = None if blend.mask is None else blend.mask.to_tensor()
        if self._own is not None and self._own.shape != latent_size:
            mask, latents = (" x ".join(map(str, size)) for size in (self._own.shape, latent_size))
            raise SettingsError(f"the mask has {mask} cells and the latents {latents}; give a mask for this picture")

    def asks(self, step: int, branch: int) -> bool:
        """Every step counts towards the mean, the steps before the blend starts as well."""
        return self._maps.asks(branch)

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """A branch's words in the layers that give maps; its maps so far in the layers that carry them on."""
        return self._maps.columns(branch, layer)

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Look at one layer's maps."""
        self._allowed_now = None
        self._maps.take(branch, layer, maps_HQW)

    def after_step(self, step: int, latents: Tensor, source: SourceLatents) -> Tensor:
        """Its branches' latents (branches, C, h, w), with the source's wherever they must not change.

        After a step that showed it no maps, that is where it was before.
        """
        if step >= self._start:
            if self._sight is not None:
                self._seen = look(self._sight, source.known_finish(), self._maps, self._blend)
                self._sight = None
            if self._allowed_now is None:
                self._allowed_now = self._allowed()
            allowed = self._allowed_now.to(latents.device)
            filling = allowed
            if self._seen.redrawn is not None:
                placed = self._within_mask(self._seen.redrawn.cells_Bhw).to(latents.device)
                drawn = placed.flatten(1).any(1)[:, None, None]  # a thing that is not found is left to the target
                allowed = torch.where(drawn, placed | allowed if self._blend.fill_scale else placed, allowed)
                filling = allowed & drawn
            if step in self._filled_steps:
                latents = torch.where(filling[:, None], self._filled(allowed, source), latents)
            if self._blend.least_difference:
                self._difference = self._difference + (latents - source.now).abs().mean(dim=1, dtype=torch.float32)
                allowed = allowed & differing(self._difference, allowed, self._blend.least_difference)
            self._masks.append(allowed)
            latents = torch.where(self._masks[-1][:, None], latents, source.now)
        self._maps.end_step()
        return latents

    @property
    def changing(self) -> Tensor | None:
        """Where its targets changed at the last step (branches, h, w); None before its first one."""
        return self._masks[-1] if self._masks else None

    @property
    def may_change(self) -> Tensor | None:
        """Where its targets may change from the next step on (1 or branches, h, w), as far as it is known: where they
        did at the last step, or before its first one the user's mask.
        """
        return self.changing if self._masks or self._own is None else self._own[None]

    def finds_words(self, step: int) -> bool:
        """Whether a step is its first one, at which it finds words by the maps so far."""
        return step == self._start and self._maps.any

    def begins_after(self, step: int) -> bool:
        """Whether its first step is behind this one."""
        return step < self._start

    def may_change_after(self, step: int) -> bool:
        """Whether it will be known after this step where its targets may change."""
        return self._own is not None or not self.begins_after(step)

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
        if not self._maps.any:
            assert self._own is not None  # a blend has words or a mask
            return self._own.expand(len(self._tokens), -1, -1)
        words = self._words()
        if self._blend.subtract_words:
            left = words & ~self._to_subtract()
            if self._blend.fill_steps:  # a thing that is taken away has a place, also where another one covers it
                left = torch.where(left.flatten(1).any(1)[:, None, None], left, words)
            words = left
        return self._within_mask(words)

    def _within_mask(self, cells_Bhw: Tensor) -> Tensor:
        """Those cells of them that are in the user's mask; all, if there is none."""
        return cells_Bhw if self._own is None else cells_Bhw & self._own.to(cells_Bhw.device)

    def _filled(self, allowed: Tensor, source: SourceLatents) -> Tensor:
        """The source (branches, C, h, w) with its own noise, and its surroundings where each branch may change."""
        finished = source.known_finish()
        if self._seen.redrawn is not None:
            return source.now + source.signal * (self._seen.redrawn.latents - finished)
        filled = []
        for asking_hw, things_hw in zip(allowed.cpu(), self._things().cpu(), strict=True):
            places = nearest(asking_hw, ~(things_hw | asking_hw)).flatten().to(finished.device)
            filled.append(finished.flatten(2)[:, :, places].reshape(finished.shape))
        return source.now + source.signal * (torch.cat(filled) - finished)

    @property
    def shown(self) -> Tensor | None:
        """Where the edits may show in the finished picture (branches, H, W), by outlines; None if by cells alone.

        A thing whose region is not grown keeps its shape, and what is subtracted its own pixels. A place that is
        filled with more than another colour may be another thing's.
        """
        if (outlined := self._seen.outlined) is None:
            return None
        if self._blend.fill_steps and self._blend.fill_colour is None:
            return None
        within = [outlined.words_BHW] if self._blend.names_words and self._blend.pool == 1 else []
        beside = [~outlined.others_BHW] if self._blend.subtract_words else []
        return torch.stack([*within, *beside]).all(0) if within or beside else None

    def _things(self) -> Tensor:
        """Cells of the words and of those to subtract (branches, h, w), as far as anything of them can be seen."""
        if not self._maps.any:
            return torch.zeros(len(self._tokens), *self._size, dtype=torch.bool)
        words = self._above(slice(0, -1), THING, self._blend.pool)
        return words | self._above(slice(-1, None), THING, self._blend.pool) if self._blend.subtract_words else words

    def _words(self) -> Tensor:
        """The regions of all words, the target's and the source's (branches, h, w)."""
        if not self._blend.names_words:
            return torch.ones(len(self._tokens), *self._size, dtype=torch.bool)
        if (outlined := self._seen.outlined) is None:
            return self._above(slice(0, -1), self._blend.threshold, self._blend.pool)
        targets = [region(m, self._size, self._blend.threshold, 1, smooth=True) for m in self._maps.of_targets()[:-1]]
        cell = outlined.words_BHW.shape[-1] // self._maps.grid[1]
        reach = self._blend.pool // 2 * cell // 2
        wide = F.max_pool2d(outlined.words_BHW[:, None].float(), 2 * reach + 1, stride=1, padding=reach)[:, 0]
        return torch.stack([*targets, covered_cells(wide, self._size, TOUCHED)]).any(0)

    def _to_subtract(self) -> Tensor:
        """The same of the words to subtract."""
        if self._seen.outlined is None:
            seen = self._highest(slice(-1, None), pool=1)
            others = seen > self._blend.subtract_threshold
            return others & (seen > self._highest(slice(0, -1), pool=1)) if self._blend.apart else others
        return covered_cells(self._seen.outlined.others_BHW.float(), self._size, KEPT)

    def _above(self, kinds: slice, threshold: float, pool: int) -> Tensor:
        return self._highest(kinds, pool) > threshold

    def _highest(self, kinds: slice, pool: int) -> Tensor:
        """The highest share that any map of these words has in each cell (branches, h, w)."""
        both = [*self._maps.of_targets()[kinds], *self._maps.of_source()[kinds]]
        return torch.stack([cell_shares(m, self._size, pool, smooth=self._blend.spread) for m in both]).amax(0)

    def _nothing_changes(self, index: int, branch: int, tokens: BlendTokens) -> ControlError | OutputError:
        if not self._maps.finite:
            return OutputError("the model's attention is not finite (NaN or infinite); try dtype='float32'")
        words, blend = _quoted(tokens.named) or "the whole picture", self._blend
        if not bool(self._words()[index].any()):
            why = (
                f"the maps of {words} are nowhere above zero; name a word whose weight is above zero, or set the "
                "blend's maps='own'"
            )
        elif blend.subtract_words and not bool((self._words() & ~self._to_subtract())[index].any()):
            bound = "parted" if blend.parted else "subtract_threshold"
            why = (
                f"the region of {words} (threshold {blend.threshold}) is completely covered by that of "
                f"{_quoted(blend.subtract_words)} ({bound} {getattr(blend, bound)}); lower threshold "
                f"or raise {bound}"
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
