"""How long a run will still take is told from the rows that were made, not from those that were there before."""

from wordbrush_bench.edit_methods import PerfectMethod
from wordbrush_bench.remaining import Remaining
from wordbrush_bench.scenes.cases import scene_cases


def test_rows_from_before_say_nothing_of_the_rest():
    cases = [case for case in scene_cases(limit=4, kinds=["mixed"]) if case.origin == "photograph"]
    remaining = Remaining(cases, [PerfectMethod("slow")])
    remaining.row("slow", "photograph", None)
    assert remaining.seconds is None
    remaining.row("slow", "photograph", 3.0)
    assert remaining.seconds == 6.0
    remaining.row("slow", "photograph", 5.0)
    assert remaining.seconds == 4.0
    remaining.row("slow", "photograph", None)
    assert remaining.seconds == 0.0
