import torch
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.edits.placement import Placement, Placements, nearest, on_grid

SIDE = 16


def box(top: int, left: int, height: int, width: int) -> torch.Tensor:
    region = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    region[top : top + height, left : left + width] = True
    return region


def standing(gather_Q: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Where the new thing is: positions that take their map from where the old one was."""
    return old.flatten()[gather_Q].reshape(SIDE, SIDE)


boxes = st.builds(box, st.integers(5, 8), st.integers(5, 8), st.integers(2, 4), st.integers(2, 4))


@given(boxes, st.floats(1.1, 2.0))
def test_a_larger_thing_stands_on_the_same_ground_about_the_same_middle(old, ratio):
    new = standing(Placement(old, ratio).on((SIDE, SIDE)), old)
    assert bool((new | ~old).all())  # it covers the old one
    (old_rows, old_columns), (rows, columns) = (torch.nonzero(r, as_tuple=True) for r in (old, new))
    assert rows.max() == old_rows.max()
    assert abs((columns.min() + columns.max()) - (old_columns.min() + old_columns.max())) <= 1
    assert abs(int(rows.max() - rows.min() + 1) - ratio * int(old_rows.max() - old_rows.min() + 1)) <= 1


# Of fewer cells, half the length is between two of them.
larger_boxes = st.builds(box, st.integers(5, 8), st.integers(5, 8), st.integers(4, 6), st.integers(4, 6))


@given(larger_boxes, st.floats(0.5, 0.9))
def test_a_smaller_thing_leaves_nothing_of_the_old_one(old, ratio):
    gather_Q = Placement(old, ratio).on((SIDE, SIDE))
    new = standing(gather_Q, old)
    assert 0 < new.sum() <= old.sum()
    assert bool((old | ~new).all())  # it stands where the old one stood, on the same ground
    assert torch.nonzero(new)[:, 0].max() == torch.nonzero(old)[:, 0].max()
    elsewhere = torch.nn.functional.max_pool2d(old[None].float(), 5, 1, 2)[0] == 0
    own = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    assert torch.equal(gather_Q.reshape(SIDE, SIDE)[elsewhere], own[elsewhere])


@given(boxes)
def test_the_same_size_moves_nothing(old):
    assert torch.equal(Placement(old, 1.0).on((SIDE, SIDE)), torch.arange(SIDE * SIDE))


def test_a_thing_that_is_nowhere_moves_nothing():
    nowhere = Placement(torch.zeros(SIDE, SIDE, dtype=torch.bool), 2.0)
    assert torch.equal(Placements([nowhere]).on((8, 8)), torch.arange(64))


def test_a_thing_at_the_edge_stays_in_the_picture():
    gather_Q = Placement(box(0, 0, SIDE, 5), 2.0).on((SIDE, SIDE))
    assert gather_Q.min() >= 0
    assert gather_Q.max() < SIDE * SIDE


def test_of_two_things_the_last_stands_in_front():
    one, other = Placement(box(6, 2, 4, 4), 2.0), Placement(box(6, 8, 4, 4), 2.0)
    both = Placements([one, other]).on((SIDE, SIDE))
    stands = other.on((SIDE, SIDE)) != torch.arange(SIDE * SIDE)
    assert torch.equal(both[stands], other.on((SIDE, SIDE))[stands])
    assert bool((both[~stands] == one.on((SIDE, SIDE))[~stands]).all())


def test_a_grid_is_worked_out_once_and_others_beside_it():
    placements = Placements([Placement(box(6, 2, 4, 4), 0.5)])
    coarse, fine = placements.on((8, 8)), placements.on((SIDE, SIDE))
    assert placements.on((8, 8)) is coarse
    assert (len(coarse), len(fine)) == (64, SIDE * SIDE)


@given(boxes)
def test_a_region_keeps_its_share_on_a_finer_grid(old):
    assert on_grid(old, (32, 32)).sum() == 4 * old.sum()


grids = st.lists(st.booleans(), min_size=30, max_size=30).map(lambda cells: torch.tensor(cells).reshape(5, 6))


@given(grids, grids)
def test_who_asks_is_given_the_nearest_and_all_others_stay(asking, giving):
    index, own = nearest(asking, giving), torch.arange(30).reshape(5, 6)
    assert torch.equal(index[~asking], own[~asking])
    if giving.any():
        assert giving.flatten()[index[asking]].all()
        assert torch.equal(index[asking & giving], own[asking & giving])
    else:
        assert torch.equal(index, own)


def test_the_next_place_sideways_is_nearer_than_the_second_above():
    asking = torch.zeros(4, 4, dtype=torch.bool)
    asking[2, 2] = True
    giving = torch.zeros(4, 4, dtype=torch.bool)
    giving[1, 2] = giving[2, 0] = True
    assert int(nearest(asking, giving)[2, 2]) == 8, "the cell two to the left"
