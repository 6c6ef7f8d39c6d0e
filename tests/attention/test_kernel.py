"""The kernel's own sums, and the columns of maps that come from them, against maps that are formed."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from helpers.kernel_calls import KernelCalls
from helpers.oracles import explicit_maps
from helpers.rounding import assert_same
from wordbrush.attention.attend import CrossRow, Inputs, SelfRow, edited_joint
from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.attention.parts import moved
from wordbrush.attention.row_maps import row_maps
from wordbrush.attention.sites import AttentionLayer
from wordbrush.edits.plan import CrossEdit
from wordbrush.edits.token_map import TokenMap

H, Q, T, D = 2, 12, 6, 8
TOKENS = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.5, 0.0], [0.0, 0.0], [0.0, 2.0]])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def told(kernel: Kernel, q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None = None) -> MapInputs:
    """What one row's map is made of, with the kernel's sums."""
    sums = kernel.told(q[None], k[None], torch.randn_like(k)[None], None if mask is None else mask[None]).log_sums_BHQ
    assert sums is not None
    return MapInputs(q, k, mask, sums[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("masks", ["none", "boolean", "additive"])
@pytest.mark.parametrize(
    "options", [{}, {"scale": 0.7}, {"dropout_p": 0.0, "is_causal": False, "scale": None, "enable_gqa": False}]
)
def test_what_is_told_changes_nothing_and_is_the_logarithm_of_the_sum(dtype, masks, options):
    kernel = Kernel(options)
    q, k, v = (torch.randn(3, H, length, D).to(dtype) for length in (Q, T, T))
    hidden = torch.rand(3, 1, 1, T) > 0.6
    hidden[..., 0] = False
    added = torch.zeros(3, 1, 1, T).masked_fill(hidden, -torch.inf).to(dtype)
    mask = {"none": None, "boolean": ~hidden, "additive": added}[masks]
    out, log_sums = kernel.told(q, k, v, mask)
    assert torch.equal(out, F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options))
    logits = q.double() @ k.double().transpose(-1, -2) * (options.get("scale") or D**-0.5)
    logits = logits if mask is None else logits + added.double()
    assert log_sums is not None
    error = (log_sums.double() - logits.logsumexp(-1)).abs().max()
    assert error < 32 * torch.finfo(torch.promote_types(dtype, torch.bfloat16) if dtype.itemsize == 2 else dtype).eps


def test_a_kernel_that_forms_maps_tells_nothing():
    q, k, v = torch.randn(1, H, Q, D), torch.randn(1, H, T, D), torch.randn(1, H, T, D)
    with sdpa_kernel(SDPBackend.MATH):
        out, log_sums = Kernel().told(q, k, v)
        assert log_sums is None
        assert torch.equal(out, F.scaled_dot_product_attention(q, k, v))
    grouped = Kernel({"enable_gqa": True})
    assert grouped.told(q, k[:, :1], v[:, :1]).log_sums_BHQ is None
    with torch.autocast("cpu", torch.bfloat16):
        assert Kernel().told(q, k, v).log_sums_BHQ is None


def test_a_quiet_kernel_tells_no_sums_and_gives_the_same_bits():
    q, k, v = torch.randn(2, H, Q, D), torch.randn(2, H, T, D), torch.randn(2, H, T, D)
    out, log_sums = Kernel(quiet=True).told(q, k, v)
    assert log_sums is None
    loud = Kernel().told(q, k, v)
    assert loud.log_sums_BHQ is not None
    assert torch.equal(out, loud.out_BHQD)


@pytest.mark.parametrize("masked", [False, True])
def test_columns_are_those_of_the_explicit_map(masked):
    q, k = torch.randn(H, Q, D), torch.randn(H, T, D)
    mask = torch.ones(1, 1, T, dtype=torch.bool) if masked else None
    if mask is not None:
        mask[..., 3] = False
    inputs, at = told(Kernel(), q, k, mask), torch.tensor([4, 0, 3])
    columns = Kernel().columns(inputs, range(2, 9), at)
    assert_same(columns, explicit_maps(q, k, mask)[:, 2:9, at], products=D + T, amplified=6)
    if mask is not None:
        added = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
        assert torch.equal(columns, Kernel().columns(inputs._replace(mask_HQK=added), range(2, 9), at))


def cross_edit(source: bool, target: bool, own_mass: bool = False) -> CrossEdit:
    token_map = TokenMap(torch.rand(T, T) * source, torch.rand(T) * target)
    return CrossEdit(token_map, source, target, own_mass)


@pytest.mark.parametrize("kind", ["cross", "joint, text first", "joint, text behind"])
@pytest.mark.parametrize(("source", "target"), [(True, True), (True, False), (False, True), (False, False)])
def test_maps_of_words_need_no_call_and_are_those_that_a_call_gives(kind, source, target):
    layer = AttentionLayer.cross("attn", H, (3, 4), T)
    if kind != "cross":
        layer = AttentionLayer.joint("attn", H, (3, 4), T, text_first=kind == "joint, text first")
    own, theirs = (
        told(Kernel(), torch.randn(H, layer.queries.stop, D), torch.randn(H, layer.keys, D)) for _ in range(2)
    )
    row = CrossRow(0, cross_edit(source, target), theirs) if source or not target else None
    with KernelCalls() as calls:
        maps = row_maps(layer, TOKENS, own, Kernel(), edit=row)
    assert calls.count == 0
    without = None if row is None else replace(row, source=theirs._replace(log_sum_HQ=None))
    with KernelCalls() as calls:
        asked = row_maps(layer, TOKENS, own._replace(log_sum_HQ=None), Kernel(), edit=without)
    assert calls.count >= 1
    assert_same(maps, asked, products=T + D, amplified=12, least_size=1.0)
    edited = (row_maps(layer, TOKENS, own, Kernel()) - maps).abs().max()
    assert bool(edited > 0.01) == (row is not None)


def test_more_words_than_a_call_has_room_for_are_asked_of_the_kernel():
    layer = AttentionLayer.cross("attn", H, (3, 4), D + 1)
    own = told(Kernel(), torch.randn(H, 12, D), torch.randn(H, D + 1, D))
    with KernelCalls() as calls:
        maps = row_maps(layer, torch.eye(D + 1), own, Kernel())
    assert calls.count == 2
    assert_same(maps, explicit_maps(own.q_HQD, own.k_HKD), products=2 * D, amplified=6)


def test_maps_of_positions_and_of_what_a_row_takes_over():
    layer = AttentionLayer.joint("attn", H, (3, 4), T, text_first=True)
    own, theirs = (told(Kernel(), torch.randn(H, layer.keys, D), torch.randn(H, layer.keys, D)) for _ in range(2))
    image = slice(layer.image.start, layer.image.stop)
    taken = SelfRow(0, theirs.q_HQD[:, image], theirs.k_HKD[:, image], None)
    q, k = own.q_HQD.clone(), own.k_HKD.clone()
    q[:, image], k[:, image] = taken.q_HQD, taken.k_HQD
    seen = told(Kernel(), q, k)
    maps = row_maps(layer, TOKENS, own._replace(log_sum_HQ=seen.log_sum_HQ), Kernel(), taken)
    assert_same(maps, explicit_maps(q, k)[:, image, :T] @ TOKENS, products=T + D, amplified=12)
    pixels = AttentionLayer.own("attn", H, (3, 4))
    its = told(Kernel(), torch.randn(H, 12, D), torch.randn(H, 12, D))
    positions = torch.rand(12, 3)
    assert_same(row_maps(pixels, positions, its, Kernel()), explicit_maps(its.q_HQD, its.k_HKD) @ positions, 24)


@pytest.mark.parametrize("text_first", [True, False])
@pytest.mark.parametrize(("source", "target"), [(True, True), (True, False), (False, True)])
def test_a_joint_edit_of_few_words_is_one_call_and_what_several_give(text_first, source, target):
    layer = AttentionLayer.joint("attn", H, (3, 4), T, text_first=text_first)
    q, k, v = (torch.randn(3, H, layer.keys, D) for _ in range(3))
    theirs = told(Kernel(), torch.randn(H, layer.keys, D), torch.randn(H, layer.keys, D))
    row = CrossRow(1, cross_edit(source, target), theirs)
    with KernelCalls() as calls:
        few = edited_joint(Inputs(q, k, v, None), [row], layer.text, layer.image, Kernel())
    assert calls.count == 1
    with sdpa_kernel(SDPBackend.MATH), KernelCalls() as calls:
        several = edited_joint(Inputs(q, k, v, None), [row], layer.text, layer.image, Kernel())
    assert calls.count == 2 + source
    assert_same(few.out_BHQD, several.out_BHQD, products=layer.keys + D, amplified=12)
    assert several.log_sums == [None, None, None]
    sums = torch.stack([its for its in few.log_sums if its is not None])
    assert_same(sums, (q @ k.transpose(-1, -2) / D**0.5).logsumexp(-1), products=layer.keys + D, amplified=6)
    masses = replace(row, edit=replace(row.edit, own_mass=True))
    with KernelCalls() as calls:
        edited_joint(Inputs(q, k, v, None), [masses], layer.text, layer.image, Kernel())
    assert calls.count > 1, "a source's mass needs more than columns"


def test_rows_that_move_keep_their_sums_and_columns_that_move_lose_them():
    inputs = told(Kernel(), torch.randn(H, Q, D), torch.randn(H, Q, D))
    gather = torch.randint(Q, (Q,))
    rows = moved(inputs, gather, range(Q))
    assert torch.equal(rows.log_sum_HQ, inputs.log_sum_HQ[:, gather])
    assert moved(inputs, gather, range(Q), range(Q)).log_sum_HQ is None
