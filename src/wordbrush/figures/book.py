"""The figures of a folder as one book: which there are, and what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wordbrush.errors import SettingsError
from wordbrush.figures.bundled import BUNDLED
from wordbrush.figures.comments import Comment
from wordbrush.figures.made import MadeFigure
from wordbrush.figures.paper import PAPER
from wordbrush.figures.spec import Figure


@dataclass(frozen=True)
class BookEntry:
    """A figure's place in the book: made (`reused`: earlier, from the same model and settings), or failed, and why."""

    figure: Figure
    folder: Path
    made: MadeFigure | None
    comment: Comment | None
    failure: str = ""
    reused: bool = False


def figures_for(*, small_vocabulary: bool) -> tuple[Figure, ...]:
    """The figures for a model: with the report's own prompts, or in the words of the bundled model's world."""
    return BUNDLED if small_vocabulary else PAPER


def choose(figures: Sequence[Figure], names: Sequence[str]) -> tuple[Figure, ...]:
    """The named figures, in their own order; all if no name is given. Raises `SettingsError` for an unknown name.

    >>> [figure.name for figure in choose(PAPER, ["3.5", "3.3"])]
    ['3.3', '3.5']
    """
    known = [figure.name for figure in figures]
    for name in names:
        if name not in known:
            raise SettingsError(f"there is no figure '{name:.40}'; give some of {', '.join(known)}")
    return tuple(figure for figure in figures if not names or figure.name in names)
