"""The options of `wordbrush pairs`, by the names of its settings."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from wordbrush.cli.command import flag
from wordbrush.cli.values import window
from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.editor import RunOptions
    from wordbrush.inversion.settings import InversionSettings
    from wordbrush.pairs.filters import Filters
    from wordbrush.pairs.tries import Sampling

TRIES = "What is tried"
FILTERS = "What is kept; -1 asks nothing"
PHOTOS = "Photographs"


@dataclass(frozen=True)
class TryFlags:
    """How many tries a row gets, and what they differ in."""

    seeds: Annotated[int, flag("--seeds", help="Sources of each row.", group=TRIES)] = 1
    tries: Annotated[
        int | None,
        flag("--tries", help="Edits of each source into each target; 4, or 1 if all are alike.", group=TRIES),
    ] = None
    cross_range: Annotated[
        str | None,
        flag(
            "--cross-range",
            metavar="A..B",
            help="Draw --cross-steps of each try; 0.1..0.9 unless it, --strength or a recipe is given.",
            group=TRIES,
        ),
    ] = None
    self_range: Annotated[
        str | None,
        flag("--self-range", metavar="A..B", help="Draw --self-steps of each try; else fixed.", group=TRIES),
    ] = None

    def sampling(self, options: "RunOptions") -> "Sampling":
        """The tries, given the options that all of them have. Raises `SettingsError`."""
        from wordbrush.pairs.tries import Sampling

        settled = "cross_replace_steps" in options or "strength" in options or options.get("recipe") == "auto"
        cross = _range("--cross-range", self.cross_range)
        if cross is None and not settled:
            cross = Sampling.cross_range
        held = _range("--self-range", self.self_range)
        differ = cross is not None or held is not None
        tries = self.tries if self.tries is not None else Sampling.tries if differ else 1
        return Sampling(self.seeds, tries, cross, held)


@dataclass(frozen=True)
class FilterFlags:
    """Which tries become pairs, by the names of `Filters`."""

    min_done: Annotated[
        float | None, flag("--min-done", help="Mean change where the changed words look; 0.02.", group=FILTERS)
    ] = None
    min_kept: Annotated[float | None, flag("--min-kept", help="SSIM of the rest; 0.6.", group=FILTERS)] = None
    min_clip_source: Annotated[
        float | None, flag("--min-clip-source", help="CLIP of the picture and its caption; 0.2.", group=FILTERS)
    ] = None
    min_clip_target: Annotated[
        float | None, flag("--min-clip-target", help="The same of the edited one; 0.2.", group=FILTERS)
    ] = None
    min_clip_direction: Annotated[
        float | None, flag("--min-clip-direction", help="CLIP's directional similarity; 0.2.", group=FILTERS)
    ] = None
    min_clip_image: Annotated[
        float | None, flag("--min-clip-image", help="CLIP of the two pictures; 0.7.", group=FILTERS)
    ] = None
    min_difference: Annotated[
        float | None,
        flag("--min-difference", help="Mean difference from every better pair of the row; 0.01.", group=FILTERS),
    ] = None
    best: Annotated[int | None, flag("--best", help="Pairs of a target at most; 4.", group=FILTERS)] = None

    def filters(self) -> "Filters":
        """The filters. Raises `SettingsError`."""
        from wordbrush.pairs.filters import Filters

        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return Filters(**{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class SetFlags:
    """What the set is written as, and who makes it."""

    format: Annotated[
        str, flag("--format", metavar="NAME", help="webdataset, parquet, or folder for a small set.", group="The set")
    ] = "webdataset"
    shard_rows: Annotated[int, flag("--shard-rows", help="Rows of one file.", group="The set")] = 250
    license: Annotated[
        str | None, flag("--license", help="What the datasheet says of the set's licence.", group="The set")
    ] = None
    clip: Annotated[
        Path | None, flag("--clip", help="Folder of a CLIP model: measure with it too.", group=FILTERS)
    ] = None
    photos: Annotated[
        Path | None, flag("--photos", help="Folder of the photographs that rows name as `photo`.", group=PHOTOS)
    ] = None
    method: Annotated[str | None, flag("--method", help="How they are inverted; else the model's.", group=PHOTOS)] = (
        None
    )
    batch: Annotated[
        int, flag("--batch", help="Pictures side by side, those of several rows, sources included.", group="Workers")
    ] = 10
    workers: Annotated[int, flag("--workers", help="Processes, or actors of Ray; a GPU each.", group="Workers")] = 1
    threads: Annotated[int, flag("--threads", help="CPU threads of a worker.", group="Workers")] = 1
    engine: Annotated[
        str | None, flag("--engine", metavar="NAME", help="ray; else this machine alone.", group="Workers")
    ] = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for what no run can have."""
        for name, value in (("workers", self.workers), ("threads", self.threads)):
            if not 1 <= value <= 10_000:
                raise SettingsError(f"--{name} is {value}; give 1 or more")
        if self.method is not None and self.photos is None:
            raise SettingsError("--method says how photographs are inverted; name their folder with --photos")
        if self.engine not in (None, "ray"):
            raise SettingsError(f"--engine is '{self.engine:.40}'; give ray, or leave it out")

    def inversion(self) -> "InversionSettings | None":
        """How photographs are inverted; None: as the model says. Raises `SettingsError`, also without their folder."""
        from wordbrush.inversion.settings import InversionSettings

        if self.photos is not None and not self.photos.is_dir():
            raise SettingsError(f"--photos is '{self.photos}', and there is no such folder")
        return None if self.method is None else InversionSettings.parse(self.method, {})


def _range(option: str, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    bounds = window(option, value)
    return bounds if isinstance(bounds, tuple) else (bounds, bounds)
