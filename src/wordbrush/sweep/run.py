"""Running a sweep: the source once for each seed, then cell after cell from what was kept of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL.Image import Image

from wordbrush.editor import Editor
from wordbrush.errors import IdleEditError
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.record import RunRecord
from wordbrush.runs.results import Source
from wordbrush.sampling.loop import OnStep
from wordbrush.sweep.grid import CellSettings, Sweep


@dataclass(frozen=True, eq=False)
class Cell:
    """One finished cell, with the source and the plain picture of the target, which its seed's cells share.

    `acted` is False where the cell's settings select no step: its picture is then the plain one, and so its record.
    """

    settings: CellSettings
    image: Image
    record: RunRecord
    acted: bool
    source: Source
    plain: Source


def run_sweep(editor: Editor, sweep: Sweep, *, on_step: OnStep | None = None) -> Iterator[Cell]:
    """Make the cells of a sweep, in order, each as soon as it is asked for; `on_step` counts all steps of all runs.

    A cell is the same edit made alone, bit for bit. That is why cells do not share a batch: their windows differ, and
    a batch of another size rounds differently. Raises what `Editor.generate` and `Editor.edit` raise.

    >>> from wordbrush.sweep import Axis, plan_sweep
    >>> editor = Editor.from_pretrained()
    >>> axis = Axis("self_replace_steps", (0.0, 1.0))
    >>> sweep = plan_sweep(editor, "a dog", "a cat", [axis], num_inference_steps=2, cross_replace_steps=1.0)
    >>> [cell.record.controlled_calls > 0 for cell in run_sweep(editor, sweep)]
    [True, True]
    """
    count = RunCounter(on_step, num_runs(sweep))
    made = sweep.generation
    for seed in sweep.seeds:
        source = editor.generate(replace(made, seed=seed), on_step=count.next())
        plain = source
        if sweep.target != made.prompt:
            plain = editor.regenerate(source, sweep.target, on_step=count.next())
        for cell in sweep.cells(seed):
            yield _cell(editor, cell, source, plain, count.next())


def num_runs(sweep: Sweep) -> int:
    """How many pictures a sweep makes in all: its cells, and for each seed the source and the plain picture."""
    return sweep.num_cells + len(sweep.seeds) * (1 + (sweep.target != sweep.generation.prompt))


def seconds_left(sweep: Sweep, finished: Sequence[Cell], elapsed: float) -> float:
    """How long the rest of a sweep takes, by what `elapsed` seconds made, when at least one cell is finished."""
    seeds = {cell.settings.seed: cell.plain is not cell.source for cell in finished}
    others = sum(1 + plain for plain in seeds.values())
    # A cell that acts at no step takes the plain picture, and no time.
    made = others + sum(cell.acted for cell in finished)
    return elapsed / made * (num_runs(sweep) - others - len(finished))


def _cell(editor: Editor, cell: CellSettings, source: Source, plain: Source, on_step: OnStep) -> Cell:
    try:
        result = editor.apply(source, cell.edit, on_step=on_step)[0]
    except IdleEditError:
        return Cell(cell, plain.image, plain.record, False, source, plain)
    return Cell(cell, result.image, result.record, True, source, plain)
