"""Rows that a script measures: gaps count as nothing, groups stand together, and what no case has is a dash."""

from wordbrush_bench.gathered import Gathered
from wordbrush_bench.meter import Gap

COLUMNS = ("success", "background PSNR")


def gathered():
    found = Gathered(COLUMNS)
    for origin, background in (("photograph", 30.0), ("generated", Gap("not known"))):
        for row, success in (("recipe", True), ("plain", 0.0)):
            found.add((origin, row), {"success": success, "background PSNR": background, "seconds": 2.0})
    found.add(("photograph", "recipe"), {"success": 0.0})
    return found.table("origin", "row").splitlines()


def test_the_columns_asked_for_are_means_of_the_cases_that_have_a_number():
    head, _, *rows = gathered()
    assert head == "| origin | row | success | background PSNR |"
    assert "| photograph | recipe | 0.500 (0.000 to 1.000) of 2 | 30.0 (30.0 to 30.0) of 1 |" in rows
    assert "| generated | plain | 0.000 (0.000 to 0.000) of 1 | - |" in rows


def test_rows_of_a_group_stand_together_in_the_order_in_which_they_came():
    assert [line.split(" | ")[:2] for line in gathered()[2:]] == [
        ["| generated", "recipe"],
        ["| generated", "plain"],
        ["| photograph", "recipe"],
        ["| photograph", "plain"],
    ]
