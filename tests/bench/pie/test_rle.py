import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from wordbrush.errors import DataError
from wordbrush_bench.pie.rle import decode_mask, encode_mask

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=20))


@given(masks)
def test_what_is_encoded_is_decoded(mask):
    assert (decode_mask(encode_mask(mask), mask.shape, border=False) == mask).all()


@given(masks)
def test_the_border_is_always_true_and_the_rest_as_written(mask):
    decoded = decode_mask(encode_mask(mask), mask.shape)
    assert decoded[[0, -1]].all()
    assert decoded[:, [0, -1]].all()
    assert (decoded[1:-1, 1:-1] == mask[1:-1, 1:-1]).all()


@given(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 90)), max_size=6))
def test_runs_are_painted_one_by_one_and_cut_at_the_end(pairs):
    painted = [False] * 64
    for start, length in pairs:
        for pixel in range(start, min(64, start + length)):
            painted[pixel] = True
    assert decode_mask([n for pair in pairs for n in pair], (8, 8), border=False).ravel().tolist() == painted


def test_runs_are_in_order_and_apart():
    runs = encode_mask(np.array([[1, 0, 1], [1, 0, 0]], np.bool_))
    assert runs == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([1], "1 numbers"),
        ([0, -1], "whole numbers"),
        ([0, 1.5], "whole numbers"),
        ([0, True], "whole"),
        ([64, 1], "64"),
    ],
)
def test_wrong_lists_are_refused(runs, said):
    with pytest.raises(DataError, match=said):
        decode_mask(runs, (8, 8))
