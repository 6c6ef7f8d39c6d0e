"""The sheet of a sweep: source and plain picture beside a grid with the values of its rows and columns."""

from collections.abc import Mapping, Sequence
from itertools import product

from PIL import Image

from wordbrush.edits.window import DEFAULT, format_window
from wordbrush.sweep.axes import Axis
from wordbrush.sweep.grid import Sweep
from wordbrush.sweep.run import Cell
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import draw_sheet

_Made = Mapping[tuple[int, tuple[float, ...]], Cell]
"""Finished cells by seed and values."""
_MIN_SIDE = 160


def sweep_sheet(sweep: Sweep, cells: Sequence[Cell]) -> Image.Image:
    """Typeset the finished cells of a sweep; missing ones stay blank.

    The first axis of several values goes down, the second across; every value of further axes, and every seed, is a
    block of its own. A sweep of one axis has a row for each seed.
    """
    varying = [axis for axis in sweep.axes if len(axis.values) > 1]
    made = {(cell.settings.seed, cell.settings.values): cell for cell in cells}
    grids = _blocks(sweep, made, varying[0], varying[1]) if len(varying) > 1 else [_strips(sweep, made, varying)]
    return draw_sheet(grids, title=_title(sweep), notes=_notes(sweep, cells[0]), min_side=_MIN_SIDE)


def _blocks(sweep: Sweep, made: _Made, down: Axis, across: Axis) -> list[PictureGrid]:
    further = [axis for axis in sweep.axes if axis not in (down, across)]
    rests = product(*(axis.values for axis in further))
    return [_block(sweep, made, down, across, seed, rest) for seed, rest in product(sweep.seeds, list(rests))]


def _block(sweep: Sweep, made: _Made, down: Axis, across: Axis, seed: int, rest: tuple[float, ...]) -> PictureGrid:
    """The grid of two axes, for one seed and one value of each further axis; references below each other."""
    further = [axis for axis in sweep.axes if axis not in (down, across)]

    def at(row: float, column: float) -> Cell | None:
        values = {down: row, across: column, **dict(zip(further, rest, strict=True))}
        return made.get((seed, tuple(values[axis] for axis in sweep.axes)))

    cells = [[at(row, column) for column in across.values] for row in down.values]
    first = next((cell for row in cells for cell in row if cell), None)
    title = [f"seed {seed}"] if len(sweep.seeds) > 1 else []
    title += [f"{a.label} {value:g}" for a, value in zip(further, rest, strict=True) if len(a.values) > 1]
    references = [[Captioned(image, name)] for name, image in _references(first)]
    references += [[]] * (len(cells) - len(references))
    strips = [
        Strip([_picture(cell) for cell in row], f"{value:g}", reference)
        for row, value, reference in zip(cells, down.values, references, strict=True)
    ]
    return PictureGrid(
        strips,
        title=", ".join(title),
        row_name=down.label,
        column_name=across.label,
        column_labels=[f"{value:g}" for value in across.values],
    )


def _strips(sweep: Sweep, made: _Made, varying: list[Axis]) -> PictureGrid:
    """One row for each seed, its references in front."""
    strips = []
    for seed in sweep.seeds:
        row = [made.get((seed, cell.values)) for cell in sweep.cells(seed)]
        # The last row names the references of all.
        named = seed == sweep.seeds[-1]
        references = [
            Captioned(image, name if named else "") for name, image in _references(next(filter(None, row), None))
        ]
        strips.append(Strip([_picture(cell) for cell in row], f"{seed}" if len(sweep.seeds) > 1 else "", references))
    return PictureGrid(
        strips,
        row_name="seed" if len(sweep.seeds) > 1 else "",
        column_name=varying[0].label if varying else "",
        column_labels=[f"{value:g}" for value in varying[0].values] if varying else ["edit"],
    )


def _picture(cell: Cell | None) -> Captioned:
    if cell is None:
        return Captioned(None)
    return Captioned(cell.image, note="" if cell.acted else "plain: nothing held")


def _references(cell: Cell | None) -> list[tuple[str, Image.Image]]:
    if cell is None:
        return []
    source = ("source", cell.source.image)
    return [source] if cell.plain is cell.source else [source, ("plain, same seed", cell.plain.image)]


def _title(sweep: Sweep) -> str:
    if sweep.target == sweep.generation.prompt:
        return sweep.target
    return f"'{sweep.generation.prompt}' to '{sweep.target}'"


def _notes(sweep: Sweep, first: Cell) -> str:
    """The settings that are the same all over the sheet."""
    swept = {axis.label for axis in sweep.axes if len(axis.values) > 1}
    fixed = sweep.settings_at([axis.values[0] for axis in sweep.axes])
    made = sweep.generation
    notes = [f"model {first.record.model.described}"]
    notes += [f"seed {sweep.seeds[0]}"] if len(sweep.seeds) == 1 else []
    notes += [f"{made.num_inference_steps} steps", f"guidance {made.guidance_scale:g}"]
    for word, window in fixed.cross_replace_steps.items():
        name = "cross_replace_steps" if word == DEFAULT else f"cross_replace_steps of '{word}'"
        notes += [f"{name} {format_window(window)}"] if name not in swept else []
    if "self_replace_steps" not in swept:
        notes.append(f"self_replace_steps {format_window(fixed.self_replace_steps)}")
    for word, factor in fixed.equalizer.items():
        name = f"weight of '{word}'"
        notes += [f"{name} {factor:g}"] if name not in swept else []
    if made.negative_prompt:
        notes.append(f"negative prompt '{made.negative_prompt}'")
    return ", ".join(notes)
