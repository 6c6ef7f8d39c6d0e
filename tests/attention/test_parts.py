"""Rows of the map moved, and parts with an edit of their own, against maps that are formed."""

import pytest
import torch

from helpers.oracles import explicit_maps
from wordbrush.attention.attend import CrossRow, Inputs, SelfRow
from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.attention.parts import Part, answered, moved, positions
from wordbrush.attention.sites import AttentionLayer
from wordbrush.edits.plan import CrossEdit
from wordbrush.edits.token_map import TokenMap

HEADS, GRID, TEXT, WIDTH = 2, (3, 4), 5, 4
PIXELS = GRID[0] * GRID[1]


attend = Kernel()


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def given(queries: int, keys: int) -> Inputs:
    return Inputs(random(3, HEADS, queries, WIDTH), random(3, HEADS, keys, WIDTH), random(3, HEADS, keys, WIDTH), None)


def token_map() -> TokenMap:
    return TokenMap(random(TEXT, TEXT), random(TEXT))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_cross_attention_takes_moved_rows_and_parts_their_own_edit() -> None:
    layer = AttentionLayer.cross("attn2", HEADS, GRID, TEXT)
    inputs, source = given(PIXELS, TEXT), MapInputs(random(HEADS, PIXELS, WIDTH), random(HEADS, TEXT, WIDTH), None)
    gather, inside = torch.randint(PIXELS, (PIXELS,)), torch.tensor([1, 5, 6])
    base, other = token_map(), token_map()
    placed = moved(source, gather, layer.queries)
    rows = [CrossRow(1, CrossEdit(base, True, True), placed)]
    part = Part(1, positions(inside, layer), CrossRow(1, CrossEdit(other, True, True), placed))
    out = answered(layer, inputs, [], rows, [part], attend).out_BHQD
    from_source = explicit_maps(source.q_HQD, source.k_HKD)[:, gather]
    own = explicit_maps(inputs.q_BHQD[1], inputs.k_BHKD[1])
    whole, local = (from_source @ m.transfer_ST + own * m.keep_T for m in (base, other))
    whole[:, inside] = local[:, inside]
    torch.testing.assert_close(out[1], whole @ inputs.v_BHKD[1])
    for row in (0, 2):
        assert torch.equal(out[row], attend(*inputs)[row])


def test_self_attention_takes_rows_and_columns_moved() -> None:
    layer = AttentionLayer.own("attn1", HEADS, GRID)
    inputs, source = given(PIXELS, PIXELS), MapInputs(*(random(HEADS, PIXELS, WIDTH) for _ in range(2)), None)
    gather = torch.randint(PIXELS, (PIXELS,))
    q_HQD, k_HKD, *_ = moved(source, gather, layer.queries, layer.image)
    out = answered(layer, inputs, [SelfRow(2, q_HQD, k_HKD, None)], [], [], attend).out_BHQD
    logits = source.q_HQD @ source.k_HKD.transpose(-1, -2) / WIDTH**0.5
    torch.testing.assert_close(out[2], logits[:, gather][:, :, gather].softmax(-1) @ inputs.v_BHKD[2])


@pytest.mark.parametrize("text_first", [True, False])
def test_joint_attention_moves_and_parts_the_picture_alone(text_first: bool) -> None:
    layer = AttentionLayer.joint("block", HEADS, GRID, TEXT, text_first=text_first)
    length = PIXELS + TEXT
    inputs, source = given(length, length), MapInputs(*(random(HEADS, length, WIDTH) for _ in range(2)), None)
    gather, inside = torch.randint(PIXELS, (PIXELS,)), torch.tensor([0, 7])
    base, other = token_map(), token_map()
    placed = moved(source, gather, layer.queries)
    rows = [CrossRow(0, CrossEdit(base, True, True), placed)]
    part = Part(0, positions(inside, layer), CrossRow(0, CrossEdit(other, True, True), placed))
    out = answered(layer, inputs, [], rows, [part], attend).out_BHQD
    words, pixels = slice(layer.text.start, layer.text.stop), slice(layer.image.start, layer.image.stop)
    own = explicit_maps(inputs.q_BHQD[0], inputs.k_BHKD[0])
    text_of_source = explicit_maps(source.q_HQD, source.k_HKD)[:, pixels, words][:, gather]
    expected = own.clone()
    block = text_of_source @ base.transfer_ST + own[:, pixels, words] * base.keep_T
    block[:, inside] = (text_of_source @ other.transfer_ST + own[:, pixels, words] * other.keep_T)[:, inside]
    expected[:, pixels, words] = block
    torch.testing.assert_close(out[0], expected @ inputs.v_BHKD[0])


def test_a_mask_of_queries_moves_with_them() -> None:
    mask = torch.rand(1, PIXELS, TEXT) > 0.5
    source = MapInputs(random(HEADS, PIXELS, WIDTH), random(HEADS, TEXT, WIDTH), mask)
    gather = torch.randint(PIXELS, (PIXELS,))
    assert torch.equal(moved(source, gather, range(PIXELS)).mask_HQK, mask[:, gather])
    one_for_all = source._replace(mask_HQK=mask[:, :1])
    assert torch.equal(moved(one_for_all, gather, range(PIXELS)).mask_HQK, mask[:, :1])
