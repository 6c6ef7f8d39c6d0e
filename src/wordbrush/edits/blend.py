"""Local blend as data: which words' region an edit may change, and what counts as their region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.settled import settle

AUTO = "auto"
"""Stands for the words that the edit itself changes; a prompt's own word "auto" is written "auto[0]"."""
OFF = "off"
"""Stands for no blend at all; a prompt's own word "off" is written "off[0]"."""

BlendMaps = Literal["edited", "own"]
"""Whose maps of a target: those that its picture was made with, as the published code reads them, or its own."""


@dataclass(frozen=True)
class LatentMask:
    """A mask at the size of the latents: rows of "#", which may change, and ".", which stays the source's.

    >>> LatentMask((".#", ".#")).to_tensor().tolist()
    [[False, True], [False, True]]
    """

    rows: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that it is a mask and lets something change: a record's values come here as they are."""
        if not self.rows or len(set(map(len, self.rows))) != 1 or set("".join(self.rows)) - {"#", "."}:
            raise SettingsError("a mask is rows of '#' and '.', all as long; give a PNG to have it made")
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
        """As a boolean tensor (h, w)."""
        return torch.tensor([[cell == "#" for cell in row] for row in self.rows])


@dataclass(frozen=True)
class LocalBlend:
    """An edit changes the region of words alone (paper section 2.3.4); all else stays the source's, bit for bit.

    `words` are looked for in the source and in every target, and act in those that have them; "auto" is the words
    that the edit changes. `source_words` and `target_words`, one entry a target, are for that prompt alone instead.
    Without any word the given `mask` stands alone; with words only what is in both may change.

    With `spread` a word's map is carried along the model's own self-attention first, which gives it the shape of its
    thing: each such layer of the map's size makes of m half of m and half of A m (ViMAEdit, Wang et al. 2024).
    A word's region is where its map, averaged over layers, heads and steps so far, and grown by a maximum over `pool`
    x `pool` cells, is above `threshold` of its highest value; the region of a target is that of its words and of the
    source's together, less that of `subtract_words` (above `subtract_threshold`, not grown). It holds from the part
    `start_blend` of the steps on. `hold_pixels` makes the picture, too, exactly the source's outside of the region.

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
    spread: bool = False
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
        if self.subtract_words and not self.names_words:
            raise SettingsError("subtract_words are subtracted from the region of words; name those, or 'auto'")
        for name, value in (("threshold", self.threshold), ("subtract_threshold", self.subtract_threshold)):
            if not 0 <= value < 1:
                raise SettingsError(f"the blend's {name} is {value}; give a number from 0 to below 1, such as 0.3")
        if not 0 <= self.start_blend < 1:
            raise SettingsError(
                f"start_blend is {self.start_blend}; give the part of the steps before the blend, 0 to below 1"
            )
        if self.pool < 1 or self.pool % 2 == 0:
            raise SettingsError(f"the blend's pool is {self.pool}; give an odd number of cells, or 1 for none")
        if self.maps not in get_args(BlendMaps):
            raise SettingsError(f"the blend's maps are '{self.maps}'; give one of {', '.join(get_args(BlendMaps))}")

    @classmethod
    def parse(cls, value: "LocalBlend | str | Sequence[str] | None", mask: LatentMask | None) -> "LocalBlend | None":
        """Read what an editor takes: a blend, words for all prompts, or nothing; `mask` is the user's own.

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
        """Whether any word is named, "auto" included; without, the mask stands alone."""
        own = [self.source_words or (), *(self.target_words or ())]
        return bool(self.words) or any(own)

    def start_step(self, num_steps: int) -> int:
        """The first step that is blended: `int(start_blend * num_steps)`, as published."""
        return int(self.start_blend * num_steps)


def _words(name: str, value: object) -> tuple[str, ...] | None:
    """One word, or several, as a tuple."""
    if value is None and name == "source_words":
        return None
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, tuple | list) or not all(isinstance(word, str) for word in words):
        raise SettingsError(f"{name} is {value!r:.60}; give a word, or a list of words")
    return tuple(words)
