"""Local blend as data: the words whose region an edit may change, and what counts as their region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from wordbrush.edits.resize import LARGEST_RESIZE, SMALLEST_RESIZE
from wordbrush.errors import SettingsError
from wordbrush.settled import settle

AUTO = "auto"
"""Means the words that the edit itself changes. A prompt's own word "auto" is written "auto[0]"."""
OFF = "off"
"""Means no blend at all. A prompt's own word "off" is written "off[0]"."""

MOST = 6
"""Above this number nobody counts what is in a picture."""

BRIGHTEST = 255
"""The highest value of each part of a colour."""

Relation = Literal["on", "worn by", "beside", "left of", "right of"]
"""How one thing stands to another."""

_DRAWN = ("fill_scale", "fill_counts", "fill_relation", "fill_colour")
"""Options by which a thing of the source is drawn otherwise first: one at most."""

BlendMaps = Literal["edited", "own"]
"""Which maps of a target: those that the edit used, as in the published code, or the target's own."""


@dataclass(frozen=True)
class LatentMask:
    """A mask at the size of the latents: rows of "#", which may change, and ".", which stays the source's.

    >>> LatentMask((".#", ".#")).to_tensor().tolist()
    [[False, True], [False, True]]
    """

    rows: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that it is a mask and lets something change: a record's values come here unchecked."""
        if not self.rows or len(set(map(len, self.rows))) != 1 or set("".join(self.rows)) - {"#", "."}:
            raise SettingsError(
                "a mask is equally long rows of '#' and '.'; or give a PNG, and the mask is made from it"
            )
        if not any("#" in row for row in self.rows):
            raise SettingsError("the mask lets nothing change; draw in white where the picture may change")

    @classmethod
    def of(cls, mask_hw: Tensor) -> "LatentMask":
        """The mask of a boolean tensor (h, w)."""
        return cls(tuple("".join("#" if cell else "." for cell in row) for row in mask_hw.tolist()))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, in latent cells."""
        return len(self.rows), len(self.rows[0])

    def to_tensor(self) -> Tensor:
        """The mask as a boolean tensor (h, w)."""
        return torch.tensor([[cell == "#" for cell in row] for row in self.rows])


@dataclass(frozen=True)
class LocalBlend:
    """Restricts an edit to the region of words. Everything else stays the source's, bit for bit.

    A word's region is where its map is above a threshold. The map is averaged over layers, heads and the steps so far.
    A target's region is the region of its words together with that of the source's words. This is the local blend of
    the Prompt-to-Prompt code (Hertz et al. 2022, arXiv:2208.01626).

    - `words`: a word, or several, looked for in the source and in every target; each counts in the prompts that have
      it. "auto" means the words that the edit changes. Default: "auto".
    - `source_words`: words for the source, instead of `words`. Default: None.
    - `target_words`: words for the targets, one entry for each target, instead of `words`. Default: None.
    - `subtract_words`: words whose region is taken away again. Without any other words, everything but their region
      may change. Default: none.
    - `threshold`: how high a map must be to count, as a fraction of its highest value, from 0 to below 1. Default:
      0.3.
    - `subtract_threshold`: the same for `subtract_words`, whose maps are not grown. Default: 0.3.
    - `pool`: the side of the square, in cells of the map, over which maps are grown by their maximum; an odd number, 1
      for none. Default: 3.
    - `start_blend`: the fraction of the steps before the blend starts, from 0 to below 1. Default: 0.2.
    - `maps`: whose maps of a target count: "edited", those that the edit used, or "own", the target's own. Default:
      "edited".
    - `apart`: give each word a region of its own, above `threshold` times its own highest value, and let the edit
      change all of them. Of the words that "auto" means only things count then, where there are any.
      `subtract_words` take away only where they are looked at more than the words, each next to its own highest
      value. Default: False, one region of the sum of all words' maps, as published, in which a word that is looked at
      much hides others.
    - `spread`: carry maps along the model's self-attention first, which gives them the shape of the thing (ViMAEdit,
      Wang et al. 2024): each layer of the map's size, with attention A, turns a map m into (m + A m) / 2. Default:
      False.
    - `outlined`: end the regions of the source's words at the outlines of things in its picture: maps are carried
      over neighbouring pixels of like colour (Araslanov and Roth 2020, arXiv:2005.08104). With a `pool` of 3 the
      words' regions are grown by half a cell, and the target's own maps are not. With 1 a thing keeps its shape, and
      the edit shows within its outline alone. What `subtract_words` name keeps the source's own pixels to its outline.
      A source that is made in the same call runs first. Default: False.
    - `parted`: with `outlined`, decide for each pixel of the source whose it is: of the words', of what
      `subtract_words` name, or of neither, as random walks end that seldom step over edges of colour (Grady 2006,
      doi:10.1109/TPAMI.2006.233). A number from 0 to below 1: how likely it must be, in place of the thresholds,
      such as 0.5. Default: 0, the outlined maps by their thresholds.
    - `least_difference`: inside of the region, cells in which the latents differ little from the source's stay the
      source's too: a fraction, from 0 to below 1, of how much the most changed cells differ so far (their 0.9
      quantile). What is left is grown by one cell. In the manner of DiffEdit (Couairon et al. 2022,
      arXiv:2210.11427), whose mask is where the predictions for two prompts differ. Default: 0, which keeps the whole
      region.
    - `least_pixel_difference`: the same for pixels of the finished picture, compared with what the model makes of the
      source, blurred by three eighths of a latent cell: pixels that differ by less than this fraction, from 0 to below
      1, of how much the most changed ones of the region differ (their 0.95 quantile) stay the source's, those that
      differ by twice as much are the edit's, and between them one fades into the other. What is shown is grown by
      three eighths of a cell. Only where pixels outside of the region are held. Default: 0, which keeps the whole
      region.
    - `fill_steps`: the fraction of the steps, from 0 to 1, up to which the region shows its surroundings, for a thing
      that is taken away: the source's latents with its noise, whose clean part is that of the nearest cells outside of
      the words' regions, rather sideways. From then on the region is the target's own. A source that is made in the
      same call runs first, and `subtract_words` that would leave nothing to fill are left out. Default: 0, which never
      fills.
    - `fill_scale`: with `fill_steps`, the region shows no emptied place but the source's thing in another size, this
      many times as long, standing where it stood: from 0.25 to 4. The thing is where the source's map of the words
      is above a fifth of its highest value (above `threshold` where it is `outlined`) and, as a part of that, above
      the map of `subtract_words`. What is shown may change too, wherever it reaches. Default: 0, the emptied place.
    - `fill_counts`: with `fill_steps`, how many of the thing there are in the source and are to be, 1 to 6 each: the
      ends of their row are emptied first, or show more like the largest of them. Only where one goes or comes may
      change; all of them where they must become smaller to have room. The thing is found as with `fill_scale`.
      Default: None, as many as there are.
    - `fill_relation`: with `fill_steps`, how the thing is to stand to what `subtract_words` name: "on" it, "worn by"
      it on its head, "beside" it on its ground, "left of" or "right of" it. Its old place is emptied first, and shows
      the other thing where that is on both sides. Only where it was and is to be may change. The thing is found as
      with `fill_scale`. Default: None, where it stands.
    - `fill_colour`: with `fill_steps`, the colour that the thing has first: red, green and blue, from 0 to 255. Its
      shades stay. Only the thing may change, which is found as with `fill_scale`. Default: None, its own colours. Of
      the four a blend has one.
    - `mask`: the user's own mask. Without words, only the mask may change; with words, only what is in both. Default:
      None.
    - `hold_pixels`: also make the picture's pixels exactly the source's outside of the region; the edit fades out over
      half a cell of the latents around it, and within a mask. Photographs are always held so. Default: False.

    Raises `SettingsError` for a value outside of its range.

    >>> LocalBlend("dog").words
    ('dog',)
    """

    words: tuple[str, ...] = (AUTO,)
    source_words: tuple[str, ...] | None = None
    target_words: tuple[tuple[str, ...], ...] | None = None
    subtract_words: tuple[str, ...] = ()
    threshold: float = 0.3
    subtract_threshold: float = 0.3
    pool: int = 3
    start_blend: float = 0.2
    maps: BlendMaps = "edited"
    apart: bool = False
    spread: bool = False
    outlined: bool = False
    parted: float = 0.0
    least_difference: float = 0.0
    least_pixel_difference: float = 0.0
    fill_steps: float = 0.0
    fill_scale: float = 0.0
    fill_counts: tuple[int, int] | None = None
    fill_relation: Relation | None = None
    fill_colour: tuple[int, int, int] | None = None
    mask: LatentMask | None = None
    hold_pixels: bool = False

    def __post_init__(self) -> None:
        """Bring words to one form, and check what does not depend on the prompts. Raises `SettingsError`."""
        for name in ("words", "source_words", "subtract_words"):
            object.__setattr__(self, name, _words(name, getattr(self, name)))
        if self.target_words is not None:
            entries = [self.target_words] if isinstance(self.target_words, str) else self.target_words
            object.__setattr__(self, "target_words", tuple(_words("target_words", entry) or () for entry in entries))
        settle(self)
        for name in ("threshold", "subtract_threshold", "parted", "least_difference", "least_pixel_difference"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(
                    f"the blend's {name} is {getattr(self, name)}; give a number from 0 to below 1, such as 0.3"
                )
        if not 0 <= self.fill_steps <= 1:
            raise SettingsError(
                f"the blend's fill_steps is {self.fill_steps}; give the fraction of the steps up to which the region "
                "shows its surroundings, from 0 to 1"
            )
        if self.parted and not self.outlined:
            raise SettingsError(
                f"the blend's parted is {self.parted}, and it is not outlined, so that there are no pixels to part; "
                "give outlined too"
            )
        self._check_redrawn()
        if not 0 <= self.start_blend < 1:
            raise SettingsError(
                f"start_blend is {self.start_blend}; give the fraction of the steps before the blend, "
                "from 0 to below 1"
            )
        if self.pool < 1 or self.pool % 2 == 0:
            raise SettingsError(f"the blend's pool is {self.pool}; give an odd number of cells, or 1 for none")
        if self.maps not in get_args(BlendMaps):
            raise SettingsError(f"the blend's maps are '{self.maps}'; give one of {', '.join(get_args(BlendMaps))}")

    def _check_redrawn(self) -> None:
        if self.fill_scale and not SMALLEST_RESIZE <= self.fill_scale <= LARGEST_RESIZE:
            raise SettingsError(
                f"the blend's fill_scale is {self.fill_scale}; give how many times as long the thing is to be, from "
                f"{SMALLEST_RESIZE:g} to {LARGEST_RESIZE:g}, or 0 for a place without it"
            )
        if self.fill_counts is not None and not _are_counts(*self.fill_counts):
            raise SettingsError(
                f"the blend's fill_counts is {self.fill_counts}; give how many there are and are to be, two different "
                f"numbers from 1 to {MOST}"
            )
        if self.fill_relation not in (None, *get_args(Relation)):
            raise SettingsError(
                f"the blend's fill_relation is '{self.fill_relation}'; give one of {', '.join(get_args(Relation))}"
            )
        if self.fill_colour is not None and not all(0 <= part <= BRIGHTEST for part in self.fill_colour):
            raise SettingsError(
                f"the blend's fill_colour is {self.fill_colour}; give red, green and blue, each from 0 to {BRIGHTEST}"
            )
        drawn = self._drawn
        if len(drawn) > 1:
            raise SettingsError(f"the blend has {' and '.join(drawn)}; give one of them: a thing is drawn in one way")
        if drawn and not (self.fill_steps and self.names_words):
            raise SettingsError(
                f"the blend's {drawn[0]} is {getattr(self, drawn[0])}, and nothing is drawn so; name the thing in "
                "words, and give fill_steps, such as 0.6"
            )
        if self.fill_relation is not None and not self.subtract_words:
            raise SettingsError(
                f"the blend's fill_relation is '{self.fill_relation}', and there is no other thing to stand to; name "
                "it in subtract_words"
            )

    @classmethod
    def parse(cls, value: "LocalBlend | str | Sequence[str] | None", mask: LatentMask | None) -> "LocalBlend | None":
        """Read what an editor takes: a blend, words for all prompts, or None; `mask` is the user's own.

        >>> LocalBlend.parse(["dog", "cat"], None).words
        ('dog', 'cat')
        """
        if value is None:
            return None if mask is None else cls(words=(), mask=mask)
        given = value if isinstance(value, LocalBlend) else None
        if mask is None:
            return given or cls(_words("local_blend", value) or ())
        if given is None:
            return cls(_words("local_blend", value) or (), mask=mask)
        return cls(**{**vars(given), "mask": mask})

    @property
    def names_words(self) -> bool:
        """Whether any word may change, "auto" included; if not, everything may, but for `subtract_words` and what is
        outside of the mask.
        """
        own = [self.source_words or (), *(self.target_words or ())]
        return bool(self.words) or any(own)

    @property
    def redraws(self) -> bool:
        """Whether a thing of the source is drawn in another size, number, place or colour first."""
        return bool(self._drawn)

    @property
    def _drawn(self) -> tuple[str, ...]:
        return tuple(name for name in _DRAWN if getattr(self, name))

    @property
    def sees_source(self) -> bool:
        """Whether the source's picture is asked for, so that it must be finished before its edits."""
        return self.outlined or bool(self.fill_steps)

    def start_step(self, num_steps: int) -> int:
        """The first step that is blended: `int(start_blend * num_steps)`, as published."""
        return int(self.start_blend * num_steps)


def _are_counts(before: int, after: int) -> bool:
    return before != after and all(1 <= count <= MOST for count in (before, after))


def _words(name: str, value: object) -> tuple[str, ...] | None:
    """One word, or several, as a tuple."""
    if value is None and name == "source_words":
        return None
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, tuple | list) or not all(isinstance(word, str) for word in words):
        raise SettingsError(f"{name} is {value!r:.60}; give a word, or a list of words")
    return tuple(words)
