"""What a user asks of attention maps, in one checked form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from wordbrush.attention.watch import Reading
from wordbrush.edits.window import Window
from wordbrush.errors import SettingsError

Words = str | int | Sequence[str | int] | None
Resolution = int | tuple[int, int] | Literal["all"] | None

DEFAULT_MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class MapsRequest:
    """Which attention maps to collect, and what to average. The defaults are those of the report's figure 2.2: the
    mean over all steps, all heads and all layers of one resolution.

    - `words`: a word or phrase of the prompt, a token position, or a list of them. Default: None, every word.
    - `resolution`: the resolution in cells, by its shorter side or as (height, width); "all" keeps all of them, each
      on its own. Default: None, the coarsest one whose shorter side has 16 cells or more (16 x 16 for Stable Diffusion
      at 512 pixels).
    - `sites`: the beginning of layer names, or several, such as "up_blocks" or "mid_block.attentions.0": only these
      layers are seen, at all their resolutions. Default: empty, all layers.
    - `steps`: the fraction of the steps to look at, from 0 to 1: 0.5 is the first half, (0.5, 1.0) the second.
      Default: 1.0, all steps.
    - `per_site`, `per_step`, `per_head`: keep layers, steps or heads apart instead of averaging them. Default: False.
    - `reads`: for an edited picture, its maps as the edit used them ("edited") or before it changed them ("own").
      Default: "edited".
    - `self_components`: the number of principal components of self-attention to add, 0 or more; 3 can be shown in
      colour. Default: 0.
    - `max_bytes`: the most memory that the maps may take, in bytes; a larger request is refused before anything runs.
      Default: 256 MiB.

    Raises `SettingsError` for a value outside of its range.

    >>> MapsRequest(["dog", "apple"], steps=(0.5, 1.0), per_step=True).range_of(10)
    range(5, 10)
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
        """The words that are asked for, one by one, or None for every word.

        >>> MapsRequest("dog").selectors, MapsRequest(["dog", 3]).selectors
        (('dog',), ('dog', 3))
        """
        if self.words is None:
            return None
        return (self.words,) if isinstance(self.words, str | int) else tuple(self.words)

    @property
    def site_prefixes(self) -> tuple[str, ...]:
        """The beginnings of the layer names that are asked for; empty for all layers."""
        return (self.sites,) if isinstance(self.sites, str) else tuple(self.sites)

    def range_of(self, num_steps: int) -> range:
        """The steps to look at in a run of `num_steps` steps. Raises `SettingsError` if there are none.

        >>> MapsRequest(steps=(0.5, 1.0)).range_of(20)
        range(10, 20)
        """
        steps = Window.parse(self.steps, "steps").steps(num_steps)
        if not steps:
            raise SettingsError(
                f"steps is {self.steps!r}, which selects none of {num_steps} steps; give a larger fraction"
            )
        return steps


def _is_resolution(value: object) -> bool:
    sides = value if isinstance(value, tuple) else (value,)
    return len(sides) in (1, 2) and all(isinstance(side, int) and side >= 1 for side in sides)
