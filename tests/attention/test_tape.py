import torch

from wordbrush.attention.kernel import Kernel
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.attention.tape import SourceTape

H, D, T = 2, 4, 3
CROSS = AttentionLayer.cross("cross", H, (2, 2), T)
OWN = AttentionLayer.own("own", H, (2, 2))
JOINT = AttentionLayer.joint("joint", H, (2, 2), T, text_first=True)


def call(layer: AttentionLayer, seed: int, mask: torch.Tensor | None = None) -> AttentionCall:
    generator = torch.Generator().manual_seed(seed)
    keys = len(layer.text) + len(layer.image)
    queries = keys if layer.site.kind == "joint" else layer.pixels
    q, k, v = (torch.randn(2, H, count, D, generator=generator) for count in (queries, keys, keys))
    return AttentionCall(layer, q, k, v, mask, Kernel())


def test_keys_of_the_text_alone_are_held_once_and_all_others_at_each_step():
    tape = SourceTape(1 << 20, 16)
    calls = [[call(layer, 10 * step + i) for i, layer in enumerate((CROSS, OWN, JOINT))] for step in range(3)]
    for step in calls:
        assert tape.start_step()
        for one in step:
            tape.write(one, 1)
    for index, step in enumerate(calls):
        for one in step[1:]:
            assert torch.equal(tape.read(index, one.site.name).k_HKD, one.k[1])
        assert tape.read(index, "cross").k_HKD is tape.read(0, "cross").k_HKD
        assert all(torch.equal(tape.read(index, one.site.name).q_HQD, one.q[1]) for one in step)
    per_row = 4 * H * D
    assert tape.bytes == per_row * (T + 3 * (4 + (4 + 4) + 2 * (4 + T)))
    assert tape.covers(2, self_layers=["own", "joint"])
    assert not tape.covers(2, self_layers=["elsewhere"])


def test_the_budget_counts_what_is_left_of_a_step_that_did_not_fit():
    layers = (CROSS, OWN, JOINT)
    whole = SourceTape(1 << 20, 16)
    assert whole.start_step()
    for layer in layers:
        whole.write(call(layer, 0), 0)
    tape = SourceTape(2 * whole.bytes - 1, 16)
    for step in range(3):
        if tape.start_step():
            for layer in layers:
                tape.write(call(layer, step), 0)
    assert tape.num_steps == 1
    assert tape.bytes == whole.bytes


def test_the_sources_mask_is_held():
    mask = torch.tensor([True, True, False]).expand(2, 1, 1, T)
    tape = SourceTape(1 << 20, 16)
    tape.start_step()
    tape.write(call(CROSS, 0, mask), 1)
    assert torch.equal(tape.read(0, "cross").mask_HQK, mask[1])
