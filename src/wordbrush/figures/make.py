"""Makes a figure, row by row, and checks that every edit in it acted."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.edits.window import DEFAULT, format_window
from wordbrush.errors import ControlError, PromptError
from wordbrush.figures.made import MadeFigure, MadeLine, Picture, figure_key, save_made
from wordbrush.figures.spec import Change, EditRow, Figure, FigureRow, MapsRow, NoiseRow
from wordbrush.metrics.likeness import psnr
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.save import save_plain_png
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.png import save_png
from wordbrush.runs.record import RunRecord
from wordbrush.runs.results import EditResult, Source
from wordbrush.sampling.loop import OnStep
from wordbrush.versions import installed_versions
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip, enlarged_size, resized
from wordbrush.views.sheets import draw_sheet

SHEET = "figure.png"

_SIDE = 256
"""Smaller pictures are enlarged to this on a sheet, and before a map is laid over them."""
_FLAT = 1e-6
"""A map whose values differ by less than this shows nothing."""


def make_figure(
    editor: Editor,
    figure: Figure,
    folder: Path,
    *,
    num_inference_steps: int | None = None,
    on_step: OnStep | None = None,
) -> MadeFigure:
    """Make a figure in a folder of its own: a PNG for each picture, a sheet of all, and last `figure.json`.

    Args:
        editor: its model makes the pictures.
        figure: what to make.
        folder: of this figure alone.
        num_inference_steps: denoising steps; the model's default if None.
        on_step: called with the steps done and the total of all runs.

    Raises `PromptError` for words that the model does not know, `ControlError` if an edit did not act or its picture
    equals the source or the plain picture, and whatever `Editor.generate` and `Editor.edit` raise.
    """
    unknown = editor.unknown_words(figure.prompts())
    if unknown:
        raise PromptError(
            f"figure {figure.name} has words that this model never saw: {', '.join(unknown)}; change them"
        )
    steps = editor.model.defaults.num_inference_steps if num_inference_steps is None else num_inference_steps
    pictures = _Pictures(folder)
    count = RunCounter(on_step, sum(map(_num_runs, figure.rows)))
    lines = [
        line
        for number, row in enumerate(figure.rows, 1)
        for line in _make_row(editor, figure, row, steps, pictures, f"{number}", count)
    ]
    strips = [
        Strip([Captioned(pictures.images[p.file], p.caption) for p in line.pictures], line.label) for line in lines
    ]
    save_plain_png(draw_sheet([PictureGrid(strips)], title=f"Figure {figure.name}", min_side=_SIDE), folder / SHEET)
    info = editor.model
    made = MadeFigure(
        figure.name,
        figure_key(figure, info.fingerprint, info.dtype, steps),
        pictures.records[0].model,
        installed_versions(),
        steps,
        pictures.records[0].generation.guidance_scale,
        tuple(lines),
    )
    save_made(made, folder)
    return made


class _Pictures:
    """Writes the pictures of a figure, and keeps them for its sheet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.images: dict[str, Image.Image] = {}
        self.records: list[RunRecord] = []

    def add_source(self, file: str, caption: str, source: Source, details: str = "") -> Picture:
        save_png(source.image, self._folder / file, source.record, None)
        self.records.append(source.record)
        return self._picture(file, caption, source.image, details)

    def add_edit(self, file: str, caption: str, result: EditResult, details: str) -> Picture:
        save_png(result.image, self._folder / file, result.record, result.index)
        return self._picture(file, caption, result.image, details)

    def add_plain(self, file: str, caption: str, image: Image.Image) -> Picture:
        save_plain_png(image, self._folder / file)
        return self._picture(file, caption, image, "")

    def _picture(self, file: str, caption: str, image: Image.Image, details: str) -> Picture:
        self.images[file] = image
        return Picture(file, caption, details, pixel_sha256(image))


def _make_row(
    editor: Editor, figure: Figure, row: FigureRow, steps: int, pictures: _Pictures, number: str, count: RunCounter
) -> Iterator[MadeLine]:
    source = editor.generate(row.source, seed=row.seed, num_inference_steps=steps, on_step=count.next())
    made_from = f"seed {row.seed}, {steps} steps, guidance {source.settings.guidance_scale:g}"
    match row:
        case NoiseRow():
            yield from _noise_lines(editor, row, source, pictures, number, made_from)
        case MapsRow():
            yield _maps_line(editor, figure, row, source, pictures, number, made_from)
        case EditRow():
            yield from _edit_lines(editor, figure, row, source, pictures, number, made_from, count)


def _num_runs(row: FigureRow) -> int:
    """The number of runs of the model that a row needs."""
    return 1 + len(row.changes) * (1 + row.with_plain) if isinstance(row, EditRow) else 1


def _noise_lines(
    editor: Editor, row: NoiseRow, source: Source, pictures: _Pictures, number: str, made_from: str
) -> Iterator[MadeLine]:
    steps = source.settings.num_inference_steps
    shown = sorted({round(i * (steps - 1) / max(row.count - 2, 1)) for i in range(row.count - 1)})
    first = pictures.add_source(f"{number}-picture.png", f"'{row.source}'", source)
    forward = [
        pictures.add_plain(
            f"{number}-forward-{step}.png", f"noise of step {step}", editor.noised_picture(source, step)
        )
        for step in reversed(shown)
    ]
    reverse = [
        pictures.add_plain(f"{number}-reverse-{step}.png", f"before step {step}", editor.latents_picture(source, step))
        for step in shown
    ]
    yield MadeLine("forward", made_from, (first, *forward))
    yield MadeLine("reverse", made_from, (*reverse, first))


def _maps_line(
    editor: Editor, figure: Figure, row: MapsRow, source: Source, pictures: _Pictures, number: str, made_from: str
) -> MadeLine:
    maps = editor.maps(source)
    large = resized(source.image, enlarged_size(source.image.size, _SIDE))
    words = []
    for place, word in enumerate(maps.words):
        map_hw = maps.word(word)
        if float(map_hw.max()) - float(map_hw.min()) < _FLAT:
            raise ControlError(f"figure {figure.name}: the map of '{word}' is the same everywhere; change the prompt")
        words.append(pictures.add_plain(f"{number}-map-{place}.png", word, maps.overlay(word, large)))
    first = pictures.add_source(f"{number}-source.png", f"'{row.source}'", source)
    return MadeLine("", f"{made_from}; {maps.aggregation}", (first, *words))


def _edit_lines(
    editor: Editor,
    figure: Figure,
    row: EditRow,
    source: Source,
    pictures: _Pictures,
    number: str,
    made_from: str,
    count: RunCounter,
) -> Iterator[MadeLine]:
    first = pictures.add_source(f"{number}-source.png", f"'{row.source}'", source)
    plain: dict[str, Source] = {}
    if row.with_plain:
        plain = {c.target: editor.regenerate(source, c.target, on_step=count.next()) for c in row.changes}
        made = [
            pictures.add_source(
                f"{number}-plain-{i}.png", f"'{target}'", picture, _likeness(picture.image, source.image)
            )
            for i, (target, picture) in enumerate(plain.items(), 1)
        ]
        yield MadeLine("plain, same seed", made_from, (first, *made))
    edits = []
    for i, change in enumerate(row.changes, 1):
        options: EditOptions = {"recipe": "published", **change.options}
        result = editor.edit(source, change.target, **options, on_step=count.next())
        _prove(figure, change, result, plain.get(change.target))
        details = f"{_settings(result)}; {_likeness(result.image, source.image)}"
        caption = change.label or f"'{change.target}'"
        edits.append(pictures.add_edit(f"{number}-edit-{i}.png", caption, result, details))
        if result.blend_mask is not None:
            edits.append(pictures.add_plain(f"{number}-mask-{i}.png", "white may change", result.blend_mask))
    yield MadeLine("wordbrush" if row.with_plain else "", made_from, (first, *edits))


def _prove(figure: Figure, change: Change, result: EditResult, plain: Source | None) -> None:
    """Raise `ControlError` unless an edit acted, and its picture shows it."""
    pixels = result.image.tobytes()
    wrong = None
    if not result.record.controlled_calls or not result.record.acted[result.index]:
        wrong = "did not act"
    elif pixels == result.source.image.tobytes():
        wrong = "left the picture as it was"
    elif plain is not None and pixels == plain.image.tobytes():
        wrong = "gave the plain picture, of which nothing is held"
    if wrong:
        what = change.label or change.target
        raise ControlError(f"figure {figure.name}: the edit '{what}' {wrong}; change its prompt, weight or windows")


def _settings(result: EditResult) -> str:
    edit = result.record.edit
    assert edit is not None
    windows = f"cross {_windows(edit)}, self {format_window(edit.self_replace_steps)}"
    return f"{windows}, {result.record.controlled_calls} calls"


def _windows(edit: EditSettings) -> str:
    windows = edit.cross_replace_steps.items()
    return ", ".join(format_window(w) if word == DEFAULT else f"{word} {format_window(w)}" for word, w in windows)


def _likeness(image: Image.Image, source: Image.Image) -> str:
    value = psnr(image, source)
    return "equal to the source" if value is None else f"{value:.1f} dB to the source"
