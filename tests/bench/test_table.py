"""Summing up: failures counted and never dropped, gaps said and never zero; and the tables in markdown."""

from helpers.benchmark_parts import row
from wordbrush_bench.markdown import definitions, shown, small_table, table
from wordbrush_bench.meter import Column
from wordbrush_bench.table import summarise

SUCCESS = Column("success", "share", "higher", "it is there")
PLACE = Column("in place", "IoU", "higher", "where it | is <there>")


def some_rows():
    return [
        row("a", values={"success": 1.0, "in place": 0.5}, gaps={}),
        row("b", values={"success": 1.0}, gaps={"in place": "hidden"}),
        row("c", values={}, gaps={}, error="RuntimeError: it broke"),
        row("d", values={}, gaps={}, refused="not for these"),
        row("a", method="other", values={}, gaps={}, refused="not for these"),
    ]


def test_failures_count_as_no_success_and_gaps_count_as_nothing():
    ours, other = summarise(some_rows(), ["success", "in place"])
    assert (ours.tried, ours.failed, ours.refused) == (3, 1, None)
    assert ours.cells["success"].mean.value == 2 / 3
    assert ours.cells["success"].mean.count == 3
    assert ours.cells["in place"].mean.value == 0.5
    assert (ours.cells["in place"].gaps, ours.cells["in place"].reasons) == (1, ("hidden",))
    assert (other.tried, other.refused) == (0, "not for these")


def test_rows_can_be_chosen():
    (ours,) = summarise(some_rows(), ["success"], lambda row: row.case == "a" and row.method == "ours")
    assert ours.cells["success"].mean.value == 1


def test_tables_show_counts_gaps_and_refusals():
    drawn = table(summarise(some_rows(), ["success", "in place"]), [SUCCESS, PLACE]).splitlines()
    assert drawn[0] == "| method | cases | failed | success, share ↑ | in place, IoU ↑ |"
    assert drawn[2].startswith("| ours | 3 | 1 | 0.667 (0.000 to 1.000) | 0.500 (0.500 to 0.500) of 1 |")
    assert drawn[3] == "| other | 0 | - | no row: not for these |  |"
    assert len({line.count(" |") for line in drawn}) == 1


def test_a_column_that_nobody_measured_is_a_gap_with_its_reason():
    (line,) = summarise([row("a", values={}, gaps={"in place": "no weights"})], ["in place"])
    assert shown(line.cells["in place"]) == "gap: no weights"


def test_text_cannot_leave_its_cell():
    assert small_table(["x"], {"a | b": ["<script>\n1"]}, "m").splitlines()[2] == "| a \\| b | &lt;script> 1 |"
    assert definitions([PLACE]) == "- *in place*: where it \\| is &lt;there>; higher is better."
