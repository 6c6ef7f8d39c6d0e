"""What notebooks show, as HTML from the macros of `notebook.html`."""

from collections.abc import Sequence
from dataclasses import dataclass

from wordbrush.views.facts import Facts
from wordbrush.views.prompts import MarkedText
from wordbrush.views.templates import environment

_MIN_SIDE, _MAX_WIDTH = 256, 384


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """A PNG of width x height pixels, the text that stands for it where it cannot be seen, and its caption."""

    png: bytes
    width: int
    height: int
    alt: str
    caption: MarkedText

    @property
    def shown_width(self) -> int:
        """Its width in a gallery: enlarged by a whole factor, so that small pictures stay regular, or shrunk."""
        factor = max(1, _MIN_SIDE // min(self.width, self.height))
        return min(self.width * factor, _MAX_WIDTH)


def result_html(
    pictures: Sequence[ShownPicture],
    facts: Facts,
    *,
    acted: Sequence[str] = (),
    controlled_calls: int = 0,
    warnings: Sequence[str] = (),
) -> str:
    """A source, or the edits of a run.

    Args:
        pictures: shown side by side, as many as there is room for.
        facts: how they were made.
        acted: what the edit did, in words.
        controlled_calls: how many attention calls it controlled; 0 (the default) for no edit.
        warnings: what to know of the result, a line each.
    """
    return _macro("result", pictures, acted, controlled_calls, facts, warnings)


def record_html(record: object) -> str:
    """A `RunRecord`: the template reads its fields."""
    return _macro("record", record)


def marks_html(before: MarkedText, after: MarkedText, warnings: Sequence[str]) -> str:
    """Two prompts with their marks, and what to know before a run."""
    return _macro("marks", before, after, warnings)


def sheet_html(picture: ShownPicture) -> str:
    """A sheet of many pictures at its own size, or as wide as there is room for; its caption below."""
    return _macro("sheet", picture)


def code_html(code: str) -> str:
    """Code that one click selects whole, to be copied."""
    return _macro("code", code)


def problem_html(line: str) -> str:
    """Why a run ended early."""
    return _macro("problem", line)


def _macro(name: str, *values: object) -> str:
    return str(getattr(environment("wordbrush.views").get_template("notebook.html").module, name)(*values))
