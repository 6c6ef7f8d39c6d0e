"""The search for an edit's strength: coordinate descent over two dials, in batches on one kept source.

The dials are whose windows and region an edit begins with, the recipe's for its kind of change or the paper's, and
the strength that moves them. No predictor of the right strength is known to work; a short search does
(docs/decisions/0039-search.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wordbrush.edits.settings import EditSettings
from wordbrush.edits.strength import UNCHANGED, StrengthSearch
from wordbrush.search.score import EditScore

MOST_PICTURES = 8.0
"""What a search costs at most, in plain pictures, with the final run of what it chose."""
_STEP = 0.2
"""How far to both sides of the best strength is looked next."""
_OF_ONE = ((0, 0.35), (0, 0.6), (0, 0.85))
_OF_TWO = ((0, UNCHANGED), (1, UNCHANGED), (0, 0.75))
"""What is tried first with one beginning, and with two."""


@dataclass(frozen=True)
class Dials:
    """One setting of a search: which of its beginnings, and the strength."""

    beginning: int
    strength: float


@dataclass(frozen=True)
class Tried:
    """One candidate: the edit, complete, and its score."""

    edit: EditSettings
    score: EditScore


@dataclass(frozen=True)
class Found:
    """What a search found: all that it tried, best first, and its cost so far in plain pictures."""

    tried: tuple[Tried, ...]
    cost: float

    @property
    def best(self) -> Tried:
        """The best candidate."""
        return self.tried[0]

    def __str__(self) -> str:
        """What was chosen, in words."""
        best, score = self.best.edit, self.best.score
        return f"strength {best.strength:g} ({best.recipe}), best of {len(self.tried)}: {score}"


Try = Callable[[Sequence[EditSettings]], tuple[list[EditScore], float]]
"""Makes a batch of edits; gives the scores of all that were made so far, and the cost of all so far."""


def find_strength(beginnings: Sequence[EditSettings], search: StrengthSearch, least_held: float, run: Try) -> Found:
    """Try strengths of the beginnings, edits of one target each, until one is good enough or the search is spent."""
    made: list[Dials] = []
    edits: list[EditSettings] = []
    scores: list[EditScore] = []
    cost = 0.0
    while True:
        room = min(search.candidates - len(made), _affordable(len(made), cost))
        batch = _next(made, [score.total for score in scores], len(beginnings))[: max(room, 0)]
        if not batch:
            break
        made += batch
        edits += [beginnings[dials.beginning].at_strength(dials.strength, least_held) for dials in batch]
        scores, cost = run(edits[len(edits) - len(batch) :])
        if max(score.total for score in scores) >= search.good_enough:
            break
    tried = [Tried(edit, score) for edit, score in zip(edits, scores, strict=True)]
    return Found(tuple(sorted(tried, key=lambda one: -one.score.total)), cost)


def _affordable(made: int, cost: float) -> int:
    """How many more fit, if each costs what those so far did, and the final run as much."""
    if not made:
        return int(MOST_PICTURES)
    each = cost / made
    return int((MOST_PICTURES - cost - each) / each)


def _next(made: Sequence[Dials], totals: Sequence[float], beginnings: int) -> list[Dials]:
    """The next batch: at first some of each beginning, then to both sides of the best so far."""
    if not made:
        return [Dials(*each) for each in (_OF_ONE if beginnings == 1 else _OF_TWO)]
    best = made[max(range(len(made)), key=totals.__getitem__)]
    near = [round(best.strength + side * _STEP, 4) for side in (1, -1)]
    fresh = [Dials(best.beginning, min(1.0, max(0.0, strength))) for strength in near]
    return [dials for dials in dict.fromkeys(fresh) if dials not in made]
