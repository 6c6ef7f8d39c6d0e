import pytest

from wordbrush.edits.settings import EditSettings
from wordbrush.edits.strength import StrengthSearch
from wordbrush.search.candidates import spread
from wordbrush.search.find import MOST_PICTURES, find_strength
from wordbrush.search.score import EditScore

FREE = EditSettings.of("a cat")
HELD = EditSettings.of("a cat", local_blend="cat")


class Landscape:
    """Answers as a run would: an edit's score falls off from a best strength of one of the beginnings."""

    def __init__(self, best: float, blend: bool, each: float = 1.2) -> None:
        self.best, self.blend, self.each = best, blend, each
        self.batches: list[int] = []
        self.scores: list[EditScore] = []

    def __call__(self, edits):
        self.batches.append(len(edits))
        for edit in edits:
            off = abs(edit.strength - self.best) + (0.5 if (edit.local_blend is not None) != self.blend else 0)
            self.scores.append(EditScore(max(0.0, 1 - off), None, None, None))
        return list(self.scores), self.each * len(self.scores)


@pytest.mark.parametrize(("best", "blend"), [(0.3, True), (0.5, True), (0.95, False), (0.5, False)])
def test_it_ends_nearer_to_the_best_than_it_began(best, blend):
    run = Landscape(best, blend)
    found = find_strength([FREE, HELD], StrengthSearch(good_enough=1), 0.07, run)
    totals = [one.score.total for one in found.tried]
    assert totals == sorted(totals, reverse=True)
    assert (found.best.edit.local_blend is not None) == blend
    assert abs(found.best.edit.strength - best) <= 0.2
    assert len(totals) <= 5


def test_it_stops_when_it_is_good_enough():
    run = Landscape(0.5, True)
    found = find_strength([FREE, HELD], StrengthSearch(good_enough=0.9), 0.07, run)
    assert run.batches == [3]
    assert found.best.score.total == pytest.approx(1.0)


def test_dear_candidates_are_fewer():
    run = Landscape(0.1, False, each=1.8)
    found = find_strength([FREE], StrengthSearch(good_enough=1), 0.07, run)
    assert len(found.tried) == 3
    assert found.cost + 1.8 <= MOST_PICTURES


def test_as_many_as_asked_for():
    assert [len(find_strength([FREE], StrengthSearch(n, 1.0), 0.07, Landscape(0.1, False)).tried) for n in (1, 4)] == [
        1,
        4,
    ]


@pytest.mark.parametrize("count", [2, 5, 8])
def test_candidates_are_spread_over_the_dial_and_the_beginnings(count):
    edits = spread([FREE, HELD], count, 0.07)
    assert len(edits) == len(set(map(repr, edits))) == count
    assert {edit.local_blend for edit in edits} == {FREE.local_blend, HELD.local_blend}
    assert all(0 < edit.strength < 1 for edit in edits)


def test_a_total_is_lowered_by_each_part():
    whole = EditScore(0.8, 0.8, 0.8, 0.8, 0.8)
    assert whole.total == pytest.approx(0.8)
    for name in ("fits", "there", "gone", "held", "clip"):
        assert EditScore(**{**vars(whole), name: 0.2}).total < whole.total
        assert EditScore(**{**vars(whole), name: None}).total == pytest.approx(0.8)
    assert EditScore(None, None, None, None).total == 0
