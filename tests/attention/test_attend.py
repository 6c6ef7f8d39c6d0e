from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.oracles import explicit_edit, explicit_maps
from helpers.rounding import assert_same
from wordbrush.attention.attend import CrossRow, Inputs, SelfRow, edited_cross, edited_joint, taken_over
from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.attention.sites import AttentionLayer
from wordbrush.edits.plan import CrossEdit
from wordbrush.edits.token_map import TokenMap

B, H, Q, T, D = 4, 2, 9, 7, 8


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


attend = Kernel()


def cross_edit(transfer: torch.Tensor, keep: torch.Tensor) -> CrossEdit:
    token_map = TokenMap(transfer, keep)
    return CrossEdit(token_map, token_map.uses_source, token_map.uses_target)


def random_edit(seed: int, *, source: bool, target: bool) -> CrossEdit:
    return cross_edit(random(T, T, seed=seed) * source, random(T, seed=seed + 1) * target)


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_folded_equals_explicit(seed, source, target):
    q, k, v = random(B, H, Q, D, seed=seed), random(B, H, T, D, seed=seed + 1), random(B, H, T, D, seed=seed + 2)
    edits = {1: random_edit(seed, source=source, target=target), 3: random_edit(seed + 7, source=True, target=target)}
    rows = [CrossRow(row, edit, MapInputs(q[0], k[0], None)) for row, edit in edits.items()]
    out = edited_cross(Inputs(q, k, v, None), rows, attend).out_BHQD
    plain = F.scaled_dot_product_attention(q, k, v)
    for row in range(B):
        if row in edits:
            m = edits[row].token_map
            expected = explicit_edit(q[0], k[0], q[row], k[row], v[row], m.transfer_ST, m.keep_T)
            assert_same(out[row], expected, products=T + D, amplified=6)  # two weighted maps of three logits
        else:
            assert torch.equal(out[row], plain[row])


@given(st.integers(0, 10_000), st.sets(st.sampled_from(["q", "v"])))
def test_what_is_taken_over_equals_explicit_and_leaves_other_rows(seed, taken):
    """Query and key are an injected map, key and value mutual self-attention, all three the source's own output."""
    q, k, v = (random(B, H, Q, D, seed=seed + s) for s in range(3))
    row = SelfRow(2, q[0] if "q" in taken else None, k[0], v[0] if "v" in taken else None)
    out = attend(*taken_over(Inputs(q, k, v, None), [row], range(Q), range(Q)))
    expected = explicit_maps(q[0 if "q" in taken else 2], k[0]) @ v[0 if "v" in taken else 2]
    assert_same(out[2], expected, products=Q + D, amplified=6)
    plain = F.scaled_dot_product_attention(q, k, v)
    for other in (0, 1, 3):
        assert torch.equal(out[other], plain[other])


def test_what_stands_at_its_own_place_is_not_folded_and_is_the_same_bit_for_bit():
    q, k, v = random(2, 3, 9, 4, seed=1), random(2, 3, 5, 4, seed=2), random(2, 3, 5, 4, seed=3)
    edit, source = cross_edit(torch.eye(5), torch.rand(5)), MapInputs(q[0], k[0], None)
    assert TokenMap(torch.eye(5), torch.zeros(5)).transfers_in_place
    for other in (torch.eye(5) / 2, torch.eye(5).flip(0), torch.eye(6)[:, :5], torch.zeros(5, 5)):
        assert not TokenMap(other, torch.zeros(5)).transfers_in_place
    folded, unfolded = (
        edited_cross(Inputs(q, k, v, None), [CrossRow(1, replace(edit, moves=moves), source)], attend).out_BHQD
        for moves in (True, False)
    )
    assert torch.equal(folded, unfolded)


def test_inputs_are_left_as_they_were():
    q, k, v = random(B, H, Q, D), random(B, H, T, D), random(B, H, T, D)
    before = [x.clone() for x in (q, k, v)]
    row = CrossRow(1, random_edit(0, source=True, target=True), MapInputs(q[0], k[0], None))
    edited_cross(Inputs(q, k, v, None), [row], attend)
    edited_joint(Inputs(k, k, v, None), [row], range(T), range(0), attend)
    taken_over(Inputs(q, q, q, None), [SelfRow(1, q[0], q[0], q[0])], range(Q), range(Q))
    assert all(torch.equal(a, b) for a, b in zip((q, k, v), before, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_at_least_as_exact_as_forming_the_map(dtype):
    q, k, v = (random(2, 8, 256, 40, seed=s, dtype=dtype) for s in range(3))
    edit = cross_edit(random(256, 256, seed=5).softmax(0), random(256, seed=6).sigmoid())
    half = CrossEdit(edit.token_map.to("cpu", dtype), True, True)
    m = half.token_map
    exact = explicit_edit(*(x.double() for x in (q[0], k[0], q[1], k[1], v[1], m.transfer_ST, m.keep_T)))
    formed = explicit_edit(q[0], k[0], q[1], k[1], v[1], m.transfer_ST, m.keep_T)
    folded = edited_cross(Inputs(q, k, v, None), [CrossRow(1, half, MapInputs(q[0], k[0], None))], attend).out_BHQD[1]
    assert (folded - exact).abs().mean() <= 1.1 * (formed - exact).abs().mean()


@given(st.integers(0, 10_000), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_folded_joint_equals_explicit(seed, source, target, text_first, own_mass):
    """Only the block (image queries, text keys) of an edited row changes; text queries and other rows stay."""
    text, image = (range(T), range(T, T + Q)) if text_first else (range(Q, Q + T), range(Q))
    q, k, v = (random(B, H, Q + T, D, seed=seed + s) for s in range(3))
    edit = replace(random_edit(seed, source=source, target=target), own_mass=own_mass)
    row = CrossRow(2, edit, MapInputs(q[0], k[0], None))
    out = edited_joint(Inputs(q, k, v, None), [row], text, image, attend).out_BHQD
    m, own, theirs = edit.token_map, explicit_maps(q[2], k[2]), explicit_maps(q[0], k[0])
    words, pixels = slice(text.start, text.stop), slice(image.start, image.stop)
    edited = own.clone()
    block_HQT = theirs[:, pixels, words]
    if own_mass:
        block_HQT = block_HQT / block_HQT.sum(-1, keepdim=True) * own[:, pixels, words].sum(-1, keepdim=True)
    edited[:, pixels, words] = block_HQT @ m.transfer_ST + own[:, pixels, words] * m.keep_T
    assert_same(out[2], edited @ v[2], products=T + Q + D, amplified=6)
    plain = attend(q, k, v)
    for other in (0, 1, 3):
        assert torch.equal(out[other], plain[other])
    assert_same(out[2][:, words], plain[2][:, words], products=T + Q + D)


@given(st.integers(0, 10_000), st.booleans(), st.integers(T, T + 4), st.integers(T, T + 4), st.integers(0, 2))
def test_prompts_of_other_lengths_and_padding_equal_explicit(seed, text_first, axis, its_axis, padding):
    """A source on an axis with another text, both with masked padding behind their words, and some after a picture."""
    padding = 0 if text_first else padding
    layer, theirs = (
        AttentionLayer.joint("layer", H, (1, Q), length, text_first=text_first, padding=padding)
        for length in (axis, its_axis)
    )
    assert layer.over(theirs.keys).text == theirs.text
    assert layer.over(theirs.keys).image == theirs.image
    q, k, v = (random(2, H, layer.keys, D, seed=seed + s) for s in range(3))
    q_source, k_source = (random(H, theirs.keys, D, seed=seed + s) for s in (3, 4))
    edit = cross_edit(random(T - 2, T - 1, seed=seed), random(T - 1, seed=seed + 1))  # of prompts of 5 and 6 tokens

    def read(at: AttentionLayer, count: int) -> torch.Tensor:
        mask = torch.ones(1, 1, at.keys, dtype=torch.bool)
        mask[..., at.text.start + count : at.text.stop] = False
        return mask

    source = MapInputs(q_source, k_source, read(theirs, T - 2))
    for own_mass in (False, True):
        row = CrossRow(1, replace(edit, own_mass=own_mass), source)
        mask = torch.stack([read(layer, axis), read(layer, T - 1)])
        out = edited_joint(Inputs(q, k, v, mask), [row], layer.text, layer.image, attend).out_BHQD
        own, other = explicit_maps(q[1], k[1], mask[1]), explicit_maps(q_source, k_source, source.mask_HQK)
        words, pixels = (slice(at.start, at.stop) for at in (layer.text, layer.image))
        block_HQS = other[:, slice(theirs.image.start, theirs.image.stop), theirs.text.start :][..., : T - 2]
        if own_mass:
            block_HQS = block_HQS / block_HQS.sum(-1, keepdim=True) * own[:, pixels, words].sum(-1, keepdim=True)
        edited, at = own.clone(), slice(layer.text.start, layer.text.start + T - 1)
        edited[:, pixels, at] = block_HQS @ edit.token_map.transfer_ST + own[:, pixels, at] * edit.token_map.keep_T
        assert_same(out[1], edited @ v[1], products=layer.keys + D, amplified=6)
        assert_same(out[0], attend(q, k, v, mask)[0], products=layer.keys + D)


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from(["own", "source", "both"]))
def test_a_row_with_the_sources_map_has_its_mask(seed, additive, masks):
    """Of boolean and additive masks, also where only one of the two prompts is padded."""
    q, k, v = random(B, H, Q, D, seed=seed), random(B, H, T, D, seed=seed + 1), random(B, H, T, D, seed=seed + 2)

    def hides(count: int) -> torch.Tensor:
        seen = (torch.arange(T) < T - count).expand(1, 1, T)
        return torch.zeros(1, 1, T).masked_fill(~seen, -torch.inf) if additive else seen

    source = hides(3) if masks != "own" else None
    mask = None if masks == "source" else torch.stack([hides(row) for row in range(B)])
    edit = random_edit(seed, source=True, target=True)
    out = edited_cross(Inputs(q, k, v, mask), [CrossRow(1, edit, MapInputs(q[0], k[0], source))], attend).out_BHQD
    m = edit.token_map
    from_source = attend(q[:1], k[:1], m.transfer_ST @ v[1:2], source)[0]
    kept = attend(q[1:2], k[1:2], m.keep_T[:, None] * v[1:2], None if mask is None else mask[1:2])[0]
    assert_same(out[1], from_source + kept, products=T + D, amplified=6)
    plain = attend(q, k, v, mask)
    for other in (0, 2, 3):
        assert_same(out[other], plain[other], products=T + D, amplified=6)
