"""Making the figures of a folder: each is made, found there already, or fails without stopping the others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from wordbrush.editor import Editor
from wordbrush.errors import WordbrushError
from wordbrush.figures.book import BookEntry, choose, figures_for
from wordbrush.figures.comments import comment_on
from wordbrush.figures.made import figure_key, load_made
from wordbrush.figures.make import make_figure
from wordbrush.figures.page import html_page
from wordbrush.figures.spec import Figure
from wordbrush.files import write_atomically
from wordbrush.models.folder import local_folder
from wordbrush.sampling.loop import OnStep

BEST_MODEL = "CompVis/stable-diffusion-v1-4"
PAGE = "figures.html"
_TITLE = "The figures of the report, made with wordbrush"


def default_model() -> str | None:
    """The model of figures where none is named: `BEST_MODEL` if it is on this machine, else None, the bundled one."""
    return None if local_folder(BEST_MODEL) is None else BEST_MODEL


def run_figures(
    editor: Editor,
    names: Sequence[str],
    folder: Path,
    *,
    num_inference_steps: int | None = None,
    progress: Callable[[Figure], AbstractContextManager[OnStep]],
) -> Iterator[BookEntry]:
    """The entries of a folder's book, one by one, in the figures' order.

    A figure that was made from the same data, model and settings is not made again. Of those that `names` leaves out,
    the ones that are there are given too.

    Args:
        editor: its model makes them. One with a small vocabulary gets the figures in its own words.
        names: the figures to make; all if empty.
        folder: each figure has a folder of its name in it.
        num_inference_steps: denoising steps; the model's default if None.
        progress: is asked for an `on_step` around the making of a figure.

    Raises `SettingsError` for an unknown name.
    """
    info = editor.model
    steps = info.defaults.num_inference_steps if num_inference_steps is None else num_inference_steps
    figures = figures_for(small_vocabulary=info.vocabulary is not None)
    wanted = choose(figures, names)
    for figure in figures:
        key = figure_key(figure, info.fingerprint, info.dtype, steps)
        own = folder / figure.name
        made, failure = load_made(own, key), ""
        reused = made is not None
        if made is None and figure in wanted:
            try:
                with progress(figure) as on_step:
                    made = make_figure(editor, figure, own, num_inference_steps=steps, on_step=on_step)
            except WordbrushError as error:
                failure = str(error)
        if made is not None:
            yield BookEntry(figure, own, made, comment_on(figure.name, key), reused=reused and figure in wanted)
        elif failure:
            yield BookEntry(figure, own, None, None, failure)


def write_page(entries: Sequence[BookEntry], folder: Path) -> Path:
    """Write `figures.html`, whole or not at all; returns its path."""
    path = folder / PAGE
    write_atomically(path, html_page(entries, _TITLE).encode())
    return path
