"""A sweep's cells are single edits, its source runs once a seed, and its report and sheet say what it did."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import PromptError, RecordError, SettingsError
from wordbrush.metrics.likeness import psnr
from wordbrush.sweep import Axis, Cell, Sweep, SweepReport, plan_sweep, run_sweep, sweep_sheet
from wordbrush.sweep.run import num_runs

FAST = {"num_inference_steps": 2}
DOG, CAT = "a dog eating an apple", "a cat eating an apple"
CROSS = Axis("cross_replace_steps", (0.0, 0.5, 1.0))
SELF = Axis("self_replace_steps", (0.0, 1.0))
APPLE = Axis("weight", (-1.0, 3.0), "apple")


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def grid(editor) -> tuple[Sweep, list[Cell]]:
    sweep = plan_sweep(editor, DOG, CAT, [CROSS, SELF], seeds=[3, 1], **FAST)
    return sweep, list(run_sweep(editor, sweep))


def test_every_cell_is_the_same_edit_made_alone_bit_for_bit(editor, grid):
    _, cells = grid
    assert [(c.settings.seed, *c.settings.values) for c in cells] == [
        (seed, cross, own) for seed in (3, 1) for cross in CROSS.values for own in SELF.values
    ]
    for cell in cells:
        seed, (cross, own) = cell.settings.seed, cell.settings.values
        source = editor.generate(DOG, seed=seed, **FAST)
        if cross == own == 0:
            assert not cell.acted
            assert cell.image.tobytes() == editor.regenerate(source, CAT).image.tobytes()
            continue
        alone = editor.edit(source, CAT, cross_replace_steps=cross, self_replace_steps=own)
        assert cell.acted
        assert cell.image.tobytes() == alone.image.tobytes()
        assert cell.record == alone.record
        assert editor.replay(cell.record)[0].image.tobytes() == cell.image.tobytes()


def test_weights_sweep_on_the_source_itself(editor):
    sweep = plan_sweep(editor, DOG, DOG, [Axis("weight", (1.0, 4.0), "apple")], **FAST)
    one, strong = run_sweep(editor, sweep)
    assert one.plain is one.source
    assert psnr(one.image, one.source.image) is None
    source = editor.generate(DOG, **FAST)
    assert strong.image.tobytes() == editor.edit(source, DOG, equalizer={"apple": 4.0}).image.tobytes()


def test_axes_leave_all_else_as_it_was():
    base = EditSettings.of(
        CAT,
        cross_replace_steps={"cat": 0.4, "default_": 0.8},
        self_replace_steps=(0.2, 0.6),
        equalizer={"cat": 2.0},
    )
    changed = APPLE.applied(SELF.applied(CROSS.applied(base, 0.5), 1.0), 3.0)
    assert changed.cross_replace_steps == {"cat": (0.0, 0.4), "default_": (0.0, 0.5)}
    assert changed.self_replace_steps == (0.0, 1.0)
    assert changed.equalizer == {"cat": 2.0, "apple": 3.0}
    assert (changed.targets, changed.edit) == (base.targets, base.edit)


def test_the_source_runs_once_a_seed(tiny_folder):
    """Counted in the network: rows are prompts and empty prompts, so a cell from a kept source has two, no third."""
    editor = Editor.from_pretrained(tiny_folder, "cpu")
    rows: list[int] = []
    handle = editor._adapter._unet.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    sweep = plan_sweep(editor, DOG, CAT, [Axis("cross_replace_steps", (0.5, 1.0)), SELF], seeds=[1, 2], **FAST)
    steps: list[tuple[int, int]] = []
    cells = list(run_sweep(editor, sweep, on_step=lambda done, total: steps.append((done, total))))
    handle.remove()
    runs = 2 * (1 + 1 + 4)  # for each seed: source, plain picture, cells
    assert num_runs(sweep) == runs
    assert rows == [2] * (runs * FAST["num_inference_steps"])
    assert steps == [(i + 1, runs * 2) for i in range(runs * 2)]
    assert len({id(cell.source) for cell in cells}) == 2


def test_a_report_goes_through_json_and_says_what_was_done(grid):
    sweep, cells = grid
    report = SweepReport.of(sweep, cells)
    assert SweepReport.from_json(report.to_json()) == report
    assert [entry.seed for entry in report.seeds] == [3, 1]
    for entry, cell in zip(report.cells, cells, strict=True):
        assert entry.record == cell.record
        assert (entry.controlled_calls > 0) == entry.acted == cell.acted
        assert entry.psnr_to_source == psnr(cell.image, cell.source.image)
    assert report.cells[0].psnr_to_plain is None  # nothing is held: the plain picture itself
    assert all(entry.psnr_to_plain is not None for entry in report.cells if entry.acted)
    assert SweepReport.of(sweep, cells[:2]).seeds[0] == report.seeds[0]
    for broken in ("nothing", "[]", json.dumps({**json.loads(report.to_json()), "cells": [1]})):
        with pytest.raises(RecordError):
            SweepReport.from_json(broken)


def painted(cell: Cell, color: tuple[int, int, int]) -> Cell:
    """The cell with pictures that are found again on a sheet."""
    shown = [Image.new("RGB", (64, 64), c) for c in (color, (1, 2, 3), (4, 5, 6))]
    source, plain = (replace(cell.source, image=picture, canvas=picture) for picture in shown[1:])
    return Cell(cell.settings, shown[0], cell.record, True, source, plain)


def box(sheet: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    hit = (np.asarray(sheet) == color).all(axis=2)
    ys, xs = np.where(hit)
    return (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1) if len(xs) else None


def test_the_sheet_sets_rows_and_columns_by_their_values(grid):
    sweep, cells = grid
    colors = [(10 * i + 40, 250 - 10 * i, 99) for i in range(len(cells))]
    sheet = sweep_sheet(sweep, [painted(cell, color) for cell, color in zip(cells, colors, strict=True)])
    boxes = [box(sheet, color) for color in colors]
    assert all(b is not None and b[2] - b[0] == b[3] - b[1] == 192 for b in boxes)  # 64 pixels, three times
    for block in (boxes[:6], boxes[6:]):  # a block a seed: three rows of cross, two columns of self
        assert len({b[0] for b in block}) == 2
        assert len({b[1] for b in block}) == 3
        assert block[0][0] < block[1][0]
        assert block[0][1] < block[2][1] < block[4][1]
    assert boxes[5][3] < boxes[6][1] or boxes[5][2] < boxes[6][0]  # blocks below or beside each other
    first = sheet.crop((0, 0, boxes[5][2], boxes[5][3]))
    source, plain = box(first, (1, 2, 3)), box(first, (4, 5, 6))
    assert source[2] < boxes[0][0]
    assert source[1] == boxes[0][1]
    assert plain[1] == boxes[2][1]


def test_one_axis_has_a_row_a_seed_and_missing_cells_stay_blank(editor):
    sweep = plan_sweep(editor, DOG, CAT, [CROSS], seeds=[1, 2], **FAST)
    cells = [painted(cell, (200, 10 + i, 10)) for i, cell in enumerate(run_sweep(editor, sweep))]
    whole = sweep_sheet(sweep, cells)
    assert len({box(whole, (200, 10 + i, 10))[1] for i in range(3)}) == 1
    assert box(whole, (200, 13, 10))[0] == box(whole, (200, 10, 10))[0]
    part = sweep_sheet(sweep, cells[:4])
    assert part.size == whole.size
    assert box(part, (200, 14, 10)) is None


def test_many_pictures_make_no_endless_sheet(editor):
    sweep = plan_sweep(editor, DOG, CAT, [Axis("cross_replace_steps", tuple(i / 199 for i in range(200)))], **FAST)
    cell = painted(next(run_sweep(editor, sweep)), (200, 10, 10))
    assert sweep_sheet(sweep, [cell]).width <= 16_200


def test_long_prompts_wrap_within_the_sheet(editor, grid):
    sweep, cells = grid
    short = sweep_sheet(sweep, cells)
    prompt = "a dog " * 30
    made = type(sweep.generation)(prompt, "", 1, 2, 7.5, 32, 32)
    long = sweep_sheet(Sweep(made, sweep.edit, sweep.axes, sweep.seeds), cells)
    assert long.width == short.width
    assert long.height > short.height
    margin = np.asarray(long)[:, -20:]
    assert (margin == 255).all()


@pytest.mark.parametrize(
    ("axes", "changes", "error", "message"),
    [
        ([], {}, SettingsError, "there is one cell only"),
        ([Axis("self_replace_steps", (0.5,))], {}, SettingsError, "there is one cell only"),
        ([CROSS], {"seeds": []}, SettingsError, "there is no seed"),
        ([CROSS], {"seeds": [1, 1]}, SettingsError, "a seed is given twice"),
        ([CROSS, CROSS], {}, SettingsError, "two axes are of cross_replace_steps"),
        ([CROSS, SELF], {"max_cells": 5}, SettingsError, "has 6 pictures, and 5 is the limit; .* --max-cells 6"),
        ([Axis("weight", (1.0, 2.0), "horse")], {}, PromptError, "word 'horse' is not in the prompt"),
        ([CROSS], {"edit": "swap"}, SettingsError, "give one of auto, replace, refine"),
        ([CROSS], {"num_inference_steps": 1000}, SettingsError, "this model takes 1 to 999"),
        (
            [Axis("self_replace_steps", (0.0, 0.1))],
            {"cross_replace_steps": 0.0},
            SettingsError,
            "no cell of this grid acts",
        ),
    ],
)
def test_bad_grids_are_refused_before_the_model_runs(editor, axes, changes, error, message):
    handle = editor._adapter._unet.register_forward_pre_hook(lambda *_: pytest.fail("the model ran"))
    try:
        with pytest.raises(error, match=message):
            plan_sweep(editor, DOG, CAT, axes, **{**FAST, **changes})
    finally:
        handle.remove()


@pytest.mark.parametrize(
    ("parameter", "values", "word"),
    [
        ("steps", (1.0,), ""),
        ("weight", (1.0,), " "),
        ("cross_replace_steps", (1.0,), "cat"),
        ("cross_replace_steps", (), ""),
        ("cross_replace_steps", (0.5, 1.5), ""),
        ("self_replace_steps", (0.5, 0.5), ""),
        ("weight", (float("nan"),), "cat"),
    ],
)
def test_bad_axes_are_refused(parameter, values, word):
    with pytest.raises(SettingsError, match=r"ax[ie]s"):
        Axis(parameter, values, word)


def test_the_model_is_as_before(editor):
    before = {name: weight.clone() for name, weight in editor._adapter._unet.named_parameters()}
    list(run_sweep(editor, plan_sweep(editor, DOG, CAT, [SELF], **FAST)))
    assert all(torch.equal(before[name], weight) for name, weight in editor._adapter._unet.named_parameters())
