"""What the judge of scenes makes of a case's pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush.scenes.judge.judge import CELLS, Judge, Verdict
from wordbrush.scenes.vocabulary import COLOURS
from wordbrush_bench.case import Case, Material
from wordbrush_bench.meter import Gap
from wordbrush_bench.method import Outcome

RESIZED = 1.15
"""By what factor a thing's cells must grow or shrink to count as a change of size."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The judge's words on a case's source (its photo where there is one) and on the edited picture."""

    before: Verdict
    after: Verdict

    @classmethod
    def of(cls, judge: Judge, material: Material, outcome: Outcome) -> "Verdicts":
        """Ask the judge."""
        return cls(*judge.all([material.photo or outcome.source, outcome.edited]))


def success(case: Case, seen: Verdicts, edited: Image.Image) -> bool | Gap:
    """Whether the edited picture shows all that the case asks of what it changes; what should stay is not asked."""
    asked = case.expected
    if asked.unseen is not None:
        return Gap(asked.unseen)
    after = seen.after
    answers = [
        *(after.shows(noun) for noun in asked.focus),
        *(not after.shows(noun) for noun in asked.absent),
        asked.place is None or after.place == asked.place,
        asked.style is None or after.style == asked.style,
        asked.grown is None or _grew(seen, asked.grown) >= RESIZED,
        asked.shrunk is None or _grew(seen, asked.shrunk) <= 1 / RESIZED,
    ]
    if asked.colour is not None:
        noun, colour = asked.colour
        answers.append(colour_of(edited, after.where(noun)) == colour)
    if asked.arranged is not None:
        one, other, arrangement = asked.arranged
        answers.append(_arrangement(after.where(one), after.where(other)) == arrangement)
    return all(answers)


def colour_of(image: Image.Image, where_hw: NDArray[np.bool_]) -> str | None:
    """The colour of the vocabulary that cells (h, w) are nearest to, by a vote of their pixels; None without."""
    if not where_hw.any():
        return None
    size = where_hw.shape[::-1]
    cells = np.asarray(image.convert("RGB").resize((size[0] * 4, size[1] * 4), Image.Resampling.BOX), np.float64) / 255
    shown = cells[np.kron(where_hw, np.ones((4, 4), bool))]
    votes = np.square(shown[:, None] - np.array(list(COLOURS.values()))).sum(-1).argmin(1)
    return list(COLOURS)[int(np.bincount(votes, minlength=len(COLOURS)).argmax())]


def judged_mask(case: Case, before: Verdict, size: tuple[int, int]) -> NDArray[np.bool_] | Gap:
    """Where an edit of a picture of unknown truth may act, (H, W): the cells of the old things, widened by one cell.

    For a changed background, all that is none of the things, widened as well: at their edges both share cells.
    `size` is the picture's (width, height).
    """
    asked = case.expected
    touched = [noun for noun in asked.before if noun not in asked.kept]
    if asked.style is not None:
        return np.ones(size[::-1], bool)
    if asked.place is None and not touched:
        return Gap("where a new thing should go is not known in a generated picture")
    missing = [noun for noun in asked.before if not before.shows(noun)]
    if missing:
        return Gap(f"the source does not show {' and '.join(missing)}")
    mask = np.zeros((CELLS, CELLS), bool)
    for noun in touched:
        mask |= widened(before.where(noun))
    if asked.place is not None:
        mask |= widened(~np.logical_or.reduce([before.where(noun) for noun in asked.before]))
    return in_pixels(mask, size)


def _grew(seen: Verdicts, noun: str) -> float:
    before, after = seen.before.where(noun).sum(), seen.after.where(noun).sum()
    return float(after / before) if before else 0.0 if not after else float("inf")


def _arrangement(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> str | None:
    if not one.any() or not other.any():
        return None
    down, right = np.argwhere(one).mean(0) - np.argwhere(other).mean(0)
    return "stacked" if abs(down) > abs(right) else "beside"


def in_pixels(cells_hw: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (H, W) of cells, in a picture of `size` (width, height)."""
    cells = Image.fromarray(cells_hw.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    return np.asarray(cells) > 0


def widened(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells (h, w) and those beside them."""
    padded = np.pad(cells, 1)
    shifted = [padded[y : y + cells.shape[0], x : x + cells.shape[1]] for y in range(3) for x in range(3)]
    return np.asarray(np.logical_or.reduce(shifted))
