"""What a fast edit leaves out of its computation, as data that a record holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from wordbrush.edits.window import EVERY_STEP, Window, format_window
from wordbrush.errors import SettingsError
from wordbrush.settled import settle

FastName = Literal["exact", "balanced", "fast"]


@dataclass(frozen=True)
class Shortcuts:
    """The parts of an edit that are not computed as they would be. By default none.

    - `guidance_interval`: the part of the schedule in which targets are guided, from 0 to 1; elsewhere they run
      without the negative prompt (Kynkäänniemi et al. 2024, arXiv:2404.07724). Default: (0, 1), everywhere.
    - `negative_interval`: in the guided part, the negative prompt's rows are computed at one of so many steps, 1 or
      more; at the others the negative prediction is as far from that of the prompt as it was last (FasterCache,
      Lv et al. 2024, arXiv:2410.19355). After the inversions h-edit and uni-edit at each step. Default: 1, at each
      step.
    - `late_start`: the fraction of the steps, from 0 to below 1, that targets do not make, since they begin with the
      source's latents there (SDEdit, Meng et al. 2021, arXiv:2108.01073). One step in which the edit acts always
      remains. Default: 0.
    - `cache_interval`: once an edit no longer acts, deep features are computed at one of so many steps, 1 or more,
      and re-used at the others (DeepCache, Ma et al. 2024, arXiv:2312.00858). Default: 1, at each step.
    - `region_interval`: once a local blend has found where all targets change, one of so many steps, 1 or more, is
      whole, and the others compute that region alone, beside what the last whole step saw elsewhere (as RegionE and
      SpotEdit). Of transformers of SD3, FLUX.1 and PixArt, and of U-Nets of at least 48 x 48 latent cells, in place of
      `cache_interval`. A region of more than half of the picture is not computed alone. Default: 1, each step
      is whole.
    - `region_cache_interval`: at the steps that compute that region alone, `cache_interval`. Default: 1, deep features
      of a region are never re-used.
    - `early_interval`: before the blends begin, one of so many steps, 1 or more, is whole, and the others compute the
      user's mask alone and hold all else to the source. Of targets that all have one, with `region_interval` above 1.
      Default: 1, each step before the blends begin is whole.
    - `source_negative`: before the first step targets' latents are the source's, so what a generated source predicted
      with the negative prompt there stands for their own, where nothing changes it and no region is computed from it.
      Default: False, it is computed.
    - `region_halo`: by how many latent cells, 0 or more, that region is grown, before U-Nets take the rectangle of
      their coarsest layer's positions around it. Default: 1.

    Raises `SettingsError` for a value outside of its range.

    >>> print(Shortcuts(guidance_interval=(0.0, 0.6), late_start=0.2, cache_interval=2))
    guided 0.6; begins at 0.2; deep features every 2 steps
    >>> print(Shortcuts())
    exact
    """

    guidance_interval: tuple[float, float] = (EVERY_STEP.start, EVERY_STEP.end)
    late_start: float = 0.0
    cache_interval: int = 1
    region_interval: int = 1
    region_halo: int = 1
    negative_interval: int = 1
    region_cache_interval: int = 1
    early_interval: int = 1
    source_negative: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        settle(self)
        Window.parse(self.guidance_interval, "guidance_interval")
        if not 0 <= self.late_start < 1:
            raise SettingsError(f"late_start is {self.late_start}; give a fraction of the steps, from 0 to below 1")
        for name in (
            "negative_interval",
            "cache_interval",
            "region_interval",
            "region_cache_interval",
            "early_interval",
        ):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; give 1 or more, such as 2")
        if self.region_halo < 0:
            raise SettingsError(f"region_halo is {self.region_halo}; give 0 or more cells")

    @classmethod
    def parse(cls, value: "FastName | Shortcuts | None") -> "Shortcuts":
        """The shortcuts of a name. Raises `SettingsError` for an unknown one.

        >>> Shortcuts.parse("exact") == Shortcuts()
        True
        """
        if isinstance(value, Shortcuts):
            return value
        if value not in (None, *get_args(FastName)):
            raise SettingsError(f"fast is '{value!s:.40}'; give exact, balanced or fast")
        return FAST[value or "exact"]

    @property
    def guided(self) -> Window:
        """`guidance_interval` as a window."""
        return Window(*self.guidance_interval)

    def first_step(self, acts: Sequence[bool]) -> int:
        """The step that targets begin with, of those in which the edit `acts` or does not."""
        last = max((step for step, acting in enumerate(acts) if acting), default=0)
        return min(int(self.late_start * len(acts)), last)

    def __str__(self) -> str:
        """What is left out, in words."""
        said = []
        if self.guided != EVERY_STEP:
            said.append(f"guided {format_window(self.guidance_interval)}")
        if self.negative_interval > 1:
            said.append(f"the negative prompt every {self.negative_interval} steps")
        if self.source_negative:
            said.append("the source's first negative prediction")
        if self.late_start:
            said.append(f"begins at {self.late_start:g}")
        if self.cache_interval > 1:
            said.append(f"deep features every {self.cache_interval} steps")
        if self.region_interval > 1:
            said.append(f"outside of the region every {self.region_interval} steps")
            if self.region_cache_interval > 1:
                said.append(f"its deep features every {self.region_cache_interval}")
            if self.early_interval > 1:
                said.append(f"before the blend every {self.early_interval}")
        return "; ".join(said) or "exact"


EXACT = Shortcuts()
FAST: Mapping[FastName, Shortcuts] = {
    "exact": EXACT,
    "balanced": Shortcuts(
        cache_interval=3, region_interval=6, region_cache_interval=6, early_interval=2, source_negative=True
    ),
    "fast": Shortcuts(
        cache_interval=3,
        region_interval=9,
        negative_interval=3,
        region_cache_interval=6,
        early_interval=3,
        source_negative=True,
    ),
}
"""By name; chosen by `benchmarks/fast_edits.py` (docs/decisions/0073-what-fast-edits-leave-out.md, 0074, 0076 and
0079)."""
