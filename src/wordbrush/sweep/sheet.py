"""The contact sheet of a sweep: source and plain picture beside a grid whose rows and columns say their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageDraw

from wordbrush.edits.schedule import DEFAULT
from wordbrush.sweep.axes import Axis
from wordbrush.sweep.grid import Sweep
from wordbrush.sweep.run import Cell
from wordbrush.typeset import BLANK, HAIRLINE, INK, PAPER, SOFT_INK, font, wrap

MAX_SIDE = 16_000
"""No side of a sheet is longer, in pixels, as long as its pictures stay `_LEAST` wide: they shrink instead."""

_MARGIN = 28
_GAP = 8
_TITLE, _TEXT, _SMALL = 20, 15, 12
_LINE = 21
_GROWN = 160
_LEAST = 24


@dataclass(frozen=True, eq=False)
class _Block:
    """One grid with its references; a cell that was not made is None."""

    title: str
    references: tuple[tuple[str, Image.Image], ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


def sweep_sheet(sweep: Sweep, cells: Sequence[Cell]) -> Image.Image:
    """Typeset the finished cells of a sweep (at least one); those that are missing stay blank.

    The first axis of several values goes down, the second across; every value of further axes, and every seed, is a
    block of its own. A sweep of one axis has a row for each seed. Small pictures are enlarged by whole factors, and
    large ones shrink where the sheet would be longer than `MAX_SIDE`.
    """
    varying = [axis for axis in sweep.axes if len(axis.values) > 1]
    by_key = {(cell.settings.seed, cell.settings.values): cell for cell in cells}
    across = varying[1] if len(varying) > 1 else varying[0] if varying else None
    down = varying[0] if len(varying) > 1 else None
    if down is not None and across is not None:
        blocks = _blocks(sweep, by_key, down, across)
    else:
        blocks = [_strips(sweep, by_key, across)]
    return _drawn(sweep, cells[0], blocks, down.label if down else "seed", across)


def _blocks(sweep: Sweep, by_key: dict[tuple[int, tuple[float, ...]], Cell], down: Axis, across: Axis) -> list[_Block]:
    further = [axis for axis in sweep.axes if axis not in (down, across)]
    blocks = []
    for seed, rest in product(sweep.seeds, product(*(axis.values for axis in further))):
        fixed = dict(zip((axis.label for axis in further), rest, strict=True))

        def at(row: float, column: float, seed: int = seed, fixed: dict[str, float] = fixed) -> Cell | None:
            values = {**fixed, down.label: row, across.label: column}
            return by_key.get((seed, tuple(values[axis.label] for axis in sweep.axes)))

        grid = tuple(tuple(at(row, column) for column in across.values) for row in down.values)
        shown = [f"{axis.label} {fixed[axis.label]:g}" for axis in further if len(axis.values) > 1]
        if len(sweep.seeds) > 1:
            shown = [f"seed {seed}", *shown]
        made = next((cell for row in grid for cell in row if cell), None)
        blocks.append(_Block(", ".join(shown), _references(made), tuple(f"{v:g}" for v in down.values), grid))
    return blocks


def _strips(sweep: Sweep, by_key: dict[tuple[int, tuple[float, ...]], Cell], across: Axis | None) -> _Block:
    """One row for each seed, its references in front."""
    grid = tuple(tuple(by_key.get((seed, cell.values)) for cell in sweep.cells(seed)) for seed in sweep.seeds)
    return _Block("", (), tuple(str(seed) for seed in sweep.seeds), grid)


def _references(cell: Cell | None) -> tuple[tuple[str, Image.Image], ...]:
    if cell is None:
        return ()
    source = ("source", cell.source.image)
    return (source,) if cell.plain is cell.source else (source, ("plain, same seed", cell.plain.image))


def _drawn(sweep: Sweep, first: Cell, blocks: list[_Block], down: str, across: Axis | None) -> Image.Image:
    stacked = blocks[0].references != ()
    names = [name for name, _ in _references(first)]
    num_references = 1 if stacked else len(names)
    num_columns = len(blocks[0].cells[0])
    num_rows = sum(len(block.rows) for block in blocks)
    width, height = _shown_size(first.image.size, num_columns + num_references, num_rows)
    text, small = font(_TEXT), font(_SMALL)
    gutter = _LINE + 12 + int(max(text.getlength(row) for block in blocks for row in block.rows))
    references = num_references * (width + _GAP) + _GAP
    left = _MARGIN + references + gutter
    total = max(left + num_columns * (width + _GAP) - _GAP + _MARGIN, 560)

    title = wrap(_title(sweep), font(_TITLE), total - 2 * _MARGIN)
    notes = wrap(_notes(sweep, first), text, total - 2 * _MARGIN)
    head = _MARGIN + len(title) * 28 + len(notes) * _LINE + 16
    header = _LINE * (2 if across else 1) + 6
    tops = []
    bottom = head
    for block in blocks:
        tops.append(bottom + (_LINE + 10 if block.title else 0) + header)
        bottom = tops[-1] + len(block.rows) * (height + _GAP) + 20
    sheet = Image.new("RGB", (total, bottom - 20 - _GAP + _MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(title):
        draw.text((_MARGIN, _MARGIN + number * 28), line, fill=INK, font=font(_TITLE))
    for number, line in enumerate(notes):
        draw.text((_MARGIN, _MARGIN + len(title) * 28 + number * _LINE), line, fill=SOFT_INK, font=text)

    def put(image: Image.Image | None, x: int, y: int, tag: str = "") -> None:
        if image is None:
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=BLANK)
        else:
            sheet.paste(_resized(image, (width, height)), (x, y))
        draw.rectangle((x - 1, y - 1, x + width, y + height), outline=HAIRLINE)
        if tag and width >= 96:
            draw.rectangle((x, y + height - 18, x + small.getlength(tag) + 10, y + height - 1), fill=PAPER)
            draw.text((x + 5, y + height - 16), tag, fill=SOFT_INK, font=small)

    def centred(words: str, x: int, y: int, ink: tuple[int, int, int], span: int) -> None:
        line = words if text.getlength(words) <= span else ""
        draw.text((x + (span - text.getlength(line)) / 2, y), line, fill=ink, font=text)

    for block, top in zip(blocks, tops, strict=True):
        if block.title:
            draw.line((_MARGIN, top - header - _LINE - 14, total - _MARGIN, top - header - _LINE - 14), fill=HAIRLINE)
            draw.text((_MARGIN, top - header - _LINE - 6), block.title, fill=INK, font=text)
        if across is not None:
            centred(across.label, left, top - header, SOFT_INK, num_columns * (width + _GAP))
            for column, value in enumerate(across.values):
                centred(f"{value:g}", left + column * (width + _GAP), top - _LINE - 3, INK, width)
        _upright(sheet, down, _MARGIN + references, top, len(block.rows) * (height + _GAP) - _GAP)
        for row, (label, made_cells) in enumerate(zip(block.rows, block.cells, strict=True)):
            y = top + row * (height + _GAP)
            draw.text((left - 8 - text.getlength(label), y + height / 2 - _TEXT / 2 - 3), label, fill=INK, font=text)
            for column, cell in enumerate(made_cells):
                x = left + column * (width + _GAP)
                put(cell.image if cell else None, x, y, "" if cell is None or cell.acted else "plain: nothing held")
            if not stacked:
                made = next(filter(None, made_cells), None)
                for number, (_, image) in enumerate(_references(made)):
                    put(image, _MARGIN + number * (width + _GAP), y)
        for number, (name, image) in enumerate(block.references):
            y = top + number * (height + _GAP)
            put(image, _MARGIN, y, name)
        for number, name in enumerate([] if stacked else names):
            centred(name, _MARGIN + number * (width + _GAP), top - _LINE - 3, INK, width)
    return sheet


def _shown_size(size: tuple[int, int], columns: int, rows: int) -> tuple[int, int]:
    grown = max(1, -(-_GROWN // min(size)))
    width, height = size[0] * grown, size[1] * grown
    fits = min(1.0, (MAX_SIDE / columns - _GAP) / width, (MAX_SIDE / rows - _GAP) / height)
    fits = max(fits, min(1.0, _LEAST / min(width, height)))
    return max(1, int(width * fits)), max(1, int(height * fits))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image.convert("RGB")
    how = Image.Resampling.BICUBIC if size[0] > image.width else Image.Resampling.LANCZOS
    return image.convert("RGB").resize(size, how)


def _upright(sheet: Image.Image, words: str, x: int, y: int, height: int) -> None:
    """A word that reads upwards, centred along a height, as axes of plots have it."""
    face = font(_TEXT)
    length = int(face.getlength(words)) + 2
    if length > height:
        return
    strip = Image.new("L", (length, _LINE), 0)
    ImageDraw.Draw(strip).text((0, 0), words, fill=255, font=face)
    turned = strip.rotate(90, expand=True)
    sheet.paste(SOFT_INK, (x, y + (height - length) // 2), turned)


def _title(sweep: Sweep) -> str:
    if sweep.target == sweep.generation.prompt:
        return sweep.target
    return f"'{sweep.generation.prompt}' to '{sweep.target}'"


def _notes(sweep: Sweep, first: Cell) -> str:
    """What does not change over the sheet."""
    swept = {axis.label for axis in sweep.axes if len(axis.values) > 1}
    fixed = sweep.settings_at([axis.values[0] for axis in sweep.axes])
    made = sweep.generation
    notes = [f"model {first.record.model.name}"]
    notes += [f"seed {sweep.seeds[0]}"] if len(sweep.seeds) == 1 else []
    notes += [f"{made.num_inference_steps} steps", f"guidance {made.guidance_scale:g}"]
    for word, window in fixed.cross_replace_steps.items():
        name = "cross_replace_steps" if word == DEFAULT else f"cross_replace_steps of '{word}'"
        notes += [f"{name} {_window(window)}"] if name not in swept else []
    if "self_replace_steps" not in swept:
        notes.append(f"self_replace_steps {_window(fixed.self_replace_steps)}")
    for word, factor in fixed.equalizer.items():
        name = f"weight of '{word}'"
        notes += [f"{name} {factor:g}"] if name not in swept else []
    if made.negative_prompt:
        notes.append(f"negative prompt '{made.negative_prompt}'")
    return ", ".join(notes)


def _window(window: tuple[float, float]) -> str:
    return f"{window[1]:g}" if window[0] == 0 else f"{window[0]:g} to {window[1]:g}"
