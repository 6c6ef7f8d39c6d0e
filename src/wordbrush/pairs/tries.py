"""From a row to the tries that are made of it: drawn by a hash, so that they are the same on every machine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wordbrush.editor import RunOptions
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.target_control import TargetControl
from wordbrush.edits.window import DEFAULT
from wordbrush.errors import SettingsError
from wordbrush.pairs.row import PairRow

Range = tuple[float, float]


@dataclass(frozen=True)
class Sampling:
    """How many tries a row gets, and what they differ in.

    `seeds` sources are drawn of a row, and of each `tries` edits into each target. Each try's window of words, and of
    self-attention, ends at a fraction of the steps that is drawn evenly from a range; None leaves it as it is.
    """

    seeds: int = 1
    tries: int = 4
    cross_range: Range | None = (0.1, 0.9)
    self_range: Range | None = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for what cannot be, or would make the same picture several times."""
        for name, value in (("seeds", self.seeds), ("tries", self.tries)):
            if not 1 <= value <= 1000:
                raise SettingsError(f"{name} is {value}; give 1 to 1000")
        for name, bounds in (("cross_range", self.cross_range), ("self_range", self.self_range)):
            if bounds is not None and not 0 <= bounds[0] <= bounds[1] <= 1:
                raise SettingsError(f"{name} is {bounds[0]:g}..{bounds[1]:g}; give START..END in 0..1")
        if self.tries > 1 and self.cross_range is None and self.self_range is None:
            raise SettingsError(f"tries is {self.tries}, and nothing differs between them; give 1, or a range")

    def beside(self, options: RunOptions) -> "Sampling":
        """The tries of a row that has options of its own: a window that it names, or leaves to a recipe or a strength,
        is not drawn.

        >>> Sampling(tries=4).beside({"cross_replace_steps": 0.4})
        Sampling(seeds=1, tries=1, cross_range=None, self_range=None)
        """
        settled = options.get("recipe") == "auto" or "strength" in options
        cross = None if settled or "cross_replace_steps" in options else self.cross_range
        held = None if settled or "self_replace_steps" in options else self.self_range
        tries = 1 if cross is None and held is None else self.tries
        return Sampling(self.seeds, tries, cross, held)


def drawn(*names: object) -> float:
    """A number in 0..1 (1 excluded), evenly, always the same for the same names.

    >>> round(drawn("a", 1), 6), round(drawn("a", 2), 6)
    (0.309469, 0.163171)
    """
    digest = hashlib.sha256("\n".join(map(str, names)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def seeds_of(row: PairRow, address: str, count: int) -> tuple[int, ...]:
    """The seeds of a row's sources: those from its own `seed` on, else drawn."""
    first = row.options.get("seed")
    if first is not None:
        return tuple(first + i for i in range(count))
    return tuple(int(drawn(address, "seed", i) * 2**31) for i in range(count))


def of_tries(edit: EditSettings, address: str, seed: int, sampling: Sampling) -> EditSettings:
    """The settings of all tries of one source, to run as one batch: each target `tries` times, with windows of its
    own. The tries of the first target come first.

    >>> from wordbrush.edits.settings import EditSettings
    >>> made = of_tries(EditSettings.of(["a cat"]), "f00", 7, Sampling(tries=2))
    >>> made.targets, [round(own.cross_replace_steps["default_"][1], 2) for own in made.controls]
    (('a cat', 'a cat'), [0.82, 0.69])
    """
    places = [place for place in range(len(edit.targets)) for _ in range(sampling.tries)]
    controls = [
        _drawn_control(edit.controls[place], sampling, address, seed, edit.targets[place], i % sampling.tries)
        for i, place in enumerate(places)
    ]
    return _of_targets(edit, places, controls)


def chosen(edit: EditSettings, places: Sequence[int]) -> EditSettings:
    """The settings of some of the targets, by their places."""
    return _of_targets(edit, places, [edit.controls[place] for place in places])


def _of_targets(edit: EditSettings, places: Sequence[int], controls: Sequence[TargetControl]) -> EditSettings:
    return replace(
        edit,
        targets=tuple(edit.targets[place] for place in places),
        kinds=tuple(edit.kinds[place] for place in places if edit.kinds),
        own=tuple(controls) if any(control != controls[0] for control in controls) else (),
        **vars(controls[0]),
    )


def _drawn_control(
    control: TargetControl, sampling: Sampling, address: str, seed: int, target: str, index: int
) -> TargetControl:
    def end(name: str, bounds: Range) -> float:
        return bounds[0] + (bounds[1] - bounds[0]) * drawn(address, seed, target, index, name)

    if sampling.cross_range is not None:
        windows = {**control.cross_replace_steps, DEFAULT: (0.0, end("cross", sampling.cross_range))}
        control = replace(control, cross_replace_steps=windows)
    if sampling.self_range is not None:
        control = replace(control, self_replace_steps=(0.0, end("self", sampling.self_range)))
    return control
