import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.oracles import explicit_edit, explicit_maps
from helpers.rounding import assert_same
from wordbrush.attention.attend import CrossRow, SelfRow, edited_cross, edited_self
from wordbrush.edits.plan import CrossEdit
from wordbrush.edits.token_map import TokenMap

B, H, Q, T, D = 4, 2, 9, 7, 8


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def cross_edit(transfer: torch.Tensor, keep: torch.Tensor) -> CrossEdit:
    token_map = TokenMap(transfer, keep)
    return CrossEdit(token_map, token_map.uses_source, token_map.uses_target)


def random_edit(seed: int, *, source: bool, target: bool) -> CrossEdit:
    return cross_edit(random(T, T, seed=seed) * source, random(T, seed=seed + 1) * target)


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_folded_equals_explicit(seed, source, target):
    q, k, v = random(B, H, Q, D, seed=seed), random(B, H, T, D, seed=seed + 1), random(B, H, T, D, seed=seed + 2)
    edits = {1: random_edit(seed, source=source, target=target), 3: random_edit(seed + 7, source=True, target=target)}
    rows = [CrossRow(row, edit, q[0], k[0]) for row, edit in edits.items()]
    out = edited_cross(q, k, v, rows, F.scaled_dot_product_attention)
    plain = F.scaled_dot_product_attention(q, k, v)
    for row in range(B):
        if row in edits:
            m = edits[row].token_map
            expected = explicit_edit(q[0], k[0], q[row], k[row], v[row], m.transfer_ST, m.keep_T)
            assert_same(out[row], expected, products=T + D, amplified=6)  # two weighted maps of three logits
        else:
            assert torch.equal(out[row], plain[row])


@given(st.integers(0, 10_000), st.sets(st.sampled_from(["q", "v"])))
def test_edited_self_equals_explicit_and_leaves_other_rows(seed, taken):
    """Query and key are an injected map, key and value mutual self-attention, all three the source's own output."""
    q, k, v = (random(B, H, Q, D, seed=seed + s) for s in range(3))
    row = SelfRow(2, q[0] if "q" in taken else None, k[0], v[0] if "v" in taken else None)
    out = edited_self(q, k, v, [row], F.scaled_dot_product_attention)
    expected = explicit_maps(q[0 if "q" in taken else 2], k[0]) @ v[0 if "v" in taken else 2]
    assert_same(out[2], expected, products=Q + D, amplified=6)
    plain = F.scaled_dot_product_attention(q, k, v)
    for other in (0, 1, 3):
        assert torch.equal(out[other], plain[other])


def test_inputs_are_left_as_they_were():
    q, k, v = random(B, H, Q, D), random(B, H, T, D), random(B, H, T, D)
    before = [x.clone() for x in (q, k, v)]
    edited_cross(
        q, k, v, [CrossRow(1, random_edit(0, source=True, target=True), q[0], k[0])], F.scaled_dot_product_attention
    )
    edited_self(q, q, q, [SelfRow(1, q[0], q[0], q[0])], F.scaled_dot_product_attention)
    assert all(torch.equal(a, b) for a, b in zip((q, k, v), before, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_at_least_as_exact_as_forming_the_map(dtype):
    q, k, v = (random(2, 8, 256, 40, seed=s, dtype=dtype) for s in range(3))
    edit = cross_edit(random(256, 256, seed=5).softmax(0), random(256, seed=6).sigmoid())
    half = CrossEdit(edit.token_map.to("cpu", dtype), True, True)
    m = half.token_map
    exact = explicit_edit(*(x.double() for x in (q[0], k[0], q[1], k[1], v[1], m.transfer_ST, m.keep_T)))
    formed = explicit_edit(q[0], k[0], q[1], k[1], v[1], m.transfer_ST, m.keep_T)
    folded = edited_cross(q, k, v, [CrossRow(1, half, q[0], k[0])], F.scaled_dot_product_attention)[1]
    assert (folded - exact).abs().mean() <= 1.1 * (formed - exact).abs().mean()
