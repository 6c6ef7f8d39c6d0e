from wordbrush_bench.pie.published import COLUMNS, published_rows


def test_rows_are_those_of_the_tables():
    rows = published_rows()
    assert [sum(row.family == family for row in rows) for family in ("unet", "flow")] == [19, 16]
    assert sum(row.mark == "repository" for row in rows) == 11
    assert all(row.source for row in rows)
    assert len({(row.method, row.model, row.source) for row in rows}) == len(rows)


def test_values_are_in_the_range_of_their_units():
    bounds = dict(
        zip(COLUMNS.values(), [(1, 80), (15, 40), (5, 250), (5, 250), (65, 97), (20, 30), (18, 26)], strict=True)
    )
    for row in published_rows():
        for name, value in row.values.items():
            low, high = bounds[name]
            assert low <= value <= high, (row.method, name)


def test_the_rows_that_wordbrush_runs_itself_are_whole():
    whole = {row.method: row.values for row in published_rows() if len(row.values) == len(COLUMNS)}
    assert whole["Direct + P2P"]["structure distance"] == 11.65
    assert whole["Null-text + P2P"]["LPIPS"] == 60.67
    assert {"DDIM + P2P", "Negative-prompt + P2P"} < whole.keys()


def test_papers_disagree_as_the_note_says():
    found = [row.values["structure distance"] for row in published_rows() if row.method.startswith("InfEdit")]
    assert sorted(found) == [13.78, 19.31, 29.94]
