import torch
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.sampling.cells import differing, region

values = st.lists(st.floats(-10, 10, width=32), min_size=12, max_size=12).map(
    lambda v: torch.tensor(v).reshape(1, 3, 4)
)


@given(values, st.floats(0, 0.99), st.sampled_from([1, 3]))
def test_a_region_is_never_empty_where_a_map_is_above_zero(maps, threshold, pool):
    found = region(maps, (6, 8), threshold, pool)
    assert found.shape == (1, 6, 8)
    assert bool(found.any()) == bool((maps > 0).any())


@given(values, st.floats(0.01, 100))
def test_a_region_does_not_depend_on_the_scale(maps, factor):
    # A power of two, so that no rounding moves a value over the threshold.
    scale = 2.0 ** round(factor % 8)
    assert torch.equal(region(maps, (3, 4), 0.3, 3), region(maps * scale, (3, 4), 0.3, 3))


def test_each_map_has_its_own_highest_value():
    faint_and_strong = torch.tensor([[[0.001, 0.0]], [[10.0, 3.0]]])
    assert region(faint_and_strong, (1, 2), 0.3, 1).tolist() == [[[True, False]], [[True, False]]]


def test_values_at_the_threshold_are_outside():
    assert region(torch.tensor([[[1.0, 0.5]]]), (1, 2), 0.5, 1).tolist() == [[[True, False]]]


def test_growing_is_before_enlarging():
    """One cell of 4 x 4, grown to 3 x 3 of them, is 6 x 6 of 8 x 8."""
    maps = torch.zeros(1, 4, 4)
    maps[0, 1, 1] = 1
    found = region(maps, (8, 8), 0.3, 3)[0]
    assert found[:6, :6].all()
    assert found.sum() == 36


def test_nothing_is_divided_by_zero():
    for value in (0.0, -1.0, float("nan"), float("inf")):
        assert not region(torch.full((1, 2, 2), value), (4, 4), 0.3, 3).any()


@given(values.map(torch.abs), st.floats(0.01, 0.99))
def test_the_most_changed_cells_of_a_region_always_differ(difference, least):
    inside = torch.tensor([[[True, True, False, False]] * 3])
    found = differing(difference, inside, least)
    assert bool((found & inside).any())


def test_cells_outside_of_a_region_do_not_count_as_the_most_changed():
    difference = torch.tensor([[[1.0, 0.0, 0.0, 0.0, 100.0]]])
    found = differing(difference, torch.tensor([[[True, True, True, True, False]]]), 0.5)
    assert found.tolist() == [[[True, True, False, True, True]]]


def test_a_larger_least_difference_holds_more():
    difference = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(3))
    inside = torch.ones(2, 8, 8, dtype=torch.bool)
    some, more = (differing(difference**4, inside, least) for least in (0.1, 0.9))
    assert bool((more <= some).all())
    assert more.sum() < some.sum()
