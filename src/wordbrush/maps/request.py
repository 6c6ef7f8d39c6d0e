"""What a user asks of attention maps, in one checked form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from wordbrush.attention.watch import Reading
from wordbrush.edits.schedule import Window
from wordbrush.errors import SettingsError

Words = str | int | Sequence[str | int] | None
Resolution = int | tuple[int, int] | Literal["all"] | None

DEFAULT_MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class MapsRequest:
    """Maps of `words`: words or phrases of the prompt, or token positions; None is every word of the prompt.

    By default they are averaged as figure 2.2 has them: over all steps, all heads, and all cross-attention layers of
    one resolution, the coarsest whose shorter side has 16 cells or more (of Stable Diffusion at 512 pixels 16 x 16).

    - `resolution`: another one, by its shorter side or as (height, width), or "all", each for itself
    - `sites`: only layers whose name begins so ("up_blocks", "mid_block.attentions.0"); of all their resolutions
    - `steps`: the part of the steps to look at: 0.5 is the first half, (0.5, 1.0) the second
    - `per_site`, `per_step`, `per_head`: keep them apart instead of averaging
    - `reads`: of an edited picture its maps as they were used ("edited"), or before the edit changed them ("own")
    - `self_components`: how many principal components of self-attention to add; 3 make a picture in colour
    - `max_bytes`: a larger request is refused before anything runs

    Raises `SettingsError` for a value that cannot be.
    """

    words: Words = None
    resolution: Resolution = None
    sites: str | Sequence[str] = ()
    steps: float | tuple[float, float] = 1.0
    per_site: bool = False
    per_step: bool = False
    per_head: bool = False
    reads: Reading = "edited"
    self_components: int = 0
    max_bytes: int = DEFAULT_MAX_BYTES

    def __post_init__(self) -> None:
        """Check what does not depend on a prompt or a model."""
        if self.words is not None and not self.selectors:
            raise SettingsError("words is empty; name some, or give None for every word of the prompt")
        if not (self.resolution in (None, "all") or _is_resolution(self.resolution)):
            raise SettingsError(
                f"resolution is {self.resolution!r}; give a number of cells, (height, width), 'all', or None"
            )
        if self.reads not in get_args(Reading):
            raise SettingsError(f"reads is {self.reads!r}; give one of {', '.join(get_args(Reading))}")
        if self.self_components < 0:
            raise SettingsError(f"self_components is {self.self_components}; give 0 or more, such as 3")
        if self.max_bytes < 0:
            raise SettingsError(f"max_bytes is {self.max_bytes}; give 0 or more")
        Window.parse(self.steps, "steps")

    @property
    def selectors(self) -> tuple[str | int, ...] | None:
        """The words that are asked, one by one; None for every word.

        >>> MapsRequest("dog").selectors, MapsRequest(["dog", 3]).selectors
        (('dog',), ('dog', 3))
        """
        if self.words is None:
            return None
        return (self.words,) if isinstance(self.words, str | int) else tuple(self.words)

    @property
    def site_prefixes(self) -> tuple[str, ...]:
        """The beginnings of the names of layers that are asked; none for all layers."""
        return (self.sites,) if isinstance(self.sites, str) else tuple(self.sites)

    def range_of(self, num_steps: int) -> range:
        """The steps to look at, of a run of so many. Raises `SettingsError` when there are none.

        >>> MapsRequest(steps=(0.5, 1.0)).range_of(20)
        range(10, 20)
        """
        steps = Window.parse(self.steps, "steps").self_steps(num_steps)
        if not steps:
            raise SettingsError(f"steps is {self.steps!r}, which is none of {num_steps} steps; give a larger part")
        return steps


def _is_resolution(value: object) -> bool:
    sides = value if isinstance(value, tuple) else (value,)
    return len(sides) in (1, 2) and all(isinstance(side, int) and side >= 1 for side in sides)
