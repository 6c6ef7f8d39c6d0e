"""A sweep as data: an edit, the axes along which it changes, and the cells that this gives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Unpack

from wordbrush.editor import Editor, RunOptions, split_options
from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.errors import IdleEditError, SettingsError
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sweep.axes import Axis

MAX_CELLS = 1000
"""As many cells are made without being asked for: over an hour of them, with a large model on a good GPU."""


@dataclass(frozen=True)
class CellSettings:
    """One cell: a seed, a value for each axis, and the edit that they give."""

    seed: int
    values: tuple[float, ...]
    edit: EditSettings


@dataclass(frozen=True)
class Sweep:
    """An edit of one target over all combinations of its axes' values, for each of `seeds`.

    The seed of `generation` does not count. Raises `SettingsError` for a grid that is empty, or names an axis twice.
    """

    generation: GenerationSettings
    edit: EditSettings
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that there is something to sweep."""
        if len(self.edit.targets) != 1:
            raise SettingsError(f"a sweep has one target prompt, and {len(self.edit.targets)} are given; sweep each")
        if not self.seeds:
            raise SettingsError("there is no seed; give at least one")
        if len(set(self.seeds)) < len(self.seeds):
            raise SettingsError("a seed is given twice; give each once")
        for seed in self.seeds:
            replace(self.generation, seed=seed)  # raises for one that is none
        labels = [axis.label.casefold() for axis in self.axes]
        if len(set(labels)) < len(labels):
            raise SettingsError(f"two axes are of {next(a for a in labels if labels.count(a) > 1)}; join their values")
        if self.num_cells == 1:
            raise SettingsError(
                "there is one cell only; give a parameter several values, such as --self-steps 0:1:0.25, or several "
                "seeds"
            )

    @property
    def num_cells(self) -> int:
        """How many edited pictures it has."""
        return len(self.seeds) * math.prod(len(axis.values) for axis in self.axes)

    @property
    def target(self) -> str:
        """The edited prompt."""
        return self.edit.targets[0]

    def settings_at(self, values: Sequence[float]) -> EditSettings:
        """The edit at one value of each axis."""
        edit = self.edit
        for axis, value in zip(self.axes, values, strict=True):
            edit = axis.applied(edit, value)
        return edit

    def cells(self, seed: int) -> tuple[CellSettings, ...]:
        """The cells of one seed, the last axis fastest."""
        grid = product(*(axis.values for axis in self.axes))
        return tuple(CellSettings(seed, values, self.settings_at(values)) for values in grid)


def plan_sweep(
    editor: Editor,
    prompt: str,
    target: str,
    axes: Sequence[Axis],
    *,
    seeds: Sequence[int] = (0,),
    max_cells: int = MAX_CELLS,
    **options: Unpack[RunOptions],
) -> Sweep:
    """A sweep with the model's own defaults where nothing is given, every cell of it checked before the model runs.

    `options` are any that `Editor.generate` and `Editor.edit` take, but for the seed; an axis stands above the value
    that is given for its parameter. What neither gives is as published, for a grid shows what its axes do;
    `recipe="auto"` asks for a recipe all the same. A cell whose windows select no step is allowed, because a grid
    that begins at 0 has one: it shows the plain picture of the target.

    Raises `SettingsError` for an empty grid, one of more than `max_cells`, or one in which no cell acts, and what
    `Editor.edit` raises for a cell that cannot be made.

    >>> editor = Editor.from_pretrained()
    >>> axes = [Axis("cross_replace_steps", (0.0, 0.5, 1.0)), Axis("self_replace_steps", (0.0, 0.5))]
    >>> plan_sweep(editor, "a dog", "a cat", axes, seeds=[1, 2]).num_cells
    12
    """
    generation_options, edit_options = split_options(options)
    if "seed" in generation_options:
        raise SettingsError("a sweep has seeds; give seeds=(1, 2, 3)")
    generation = editor.generation_settings(prompt, **generation_options)
    fixed: EditOptions = {"recipe": "published", **edit_options}
    edit = editor.edit_settings(target, generation, **fixed)
    sweep = Sweep(generation, edit, tuple(axes), tuple(seeds))
    if sweep.num_cells > max_cells:
        raise SettingsError(
            f"this grid has {sweep.num_cells} pictures, and {max_cells} is the limit; take fewer values or seeds, or "
            f"allow it with --max-cells {sweep.num_cells}"
        )
    acting = [_acts(editor, sweep, cell) for cell in sweep.cells(sweep.seeds[0])]
    if not any(acting):
        raise SettingsError("no cell of this grid acts on the picture; give windows above 0, or weights other than 1")
    return sweep


def _acts(editor: Editor, sweep: Sweep, cell: CellSettings) -> bool:
    try:
        editor.preview(sweep.generation, cell.edit)
    except IdleEditError:
        return False
    return True
