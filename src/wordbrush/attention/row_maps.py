"""The maps of words, or of positions, of one batch row: what a watch is given.

Legend: H heads, Q queries, K keys, T tokens, n some of these, W asked columns, D head width.
"""

from collections.abc import Sequence

from torch import Tensor

from wordbrush.attention.attend import CrossRow, Inputs, SelfRow, taken_over
from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.attention.parts import Part, answered
from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.watch import column_maps


def row_maps(
    layer: AttentionLayer,
    columns_KW: Tensor,
    own: MapInputs,
    kernel: Kernel,
    taken: SelfRow | None = None,
    edit: CrossRow | None = None,
    parts: Sequence[Part] = (),
) -> Tensor:
    """The maps (H,Q,W) of columns, of a row that takes something over, whose attention to the text is edited and that
    differs in parts; all of these are of row 0.

    Words' columns come from the sums that the kernel told of the row (`MapInputs.log_sum_HQ`), without a further call
    of it. Where it told none, and for positions of the picture, they come from a call on values that are the columns.
    """
    over = [] if taken is None else [taken]
    given = Inputs(own.q_HQD[None], own.k_HKD[None], own.k_HKD[None], None)
    if own.mask_HQK is not None:
        given = given._replace(mask_BHQK=own.mask_HQK[None])
    if layer.text and not parts:
        q, k, _, mask = taken_over(given, over, layer.queries, layer.image) if over else given
        seen = MapInputs(q[0], k[0], None if mask is None else mask[0], own.log_sum_HQ)
        maps_HQW = _told(layer, _whose(columns_KW, seen, edit), kernel)
        if maps_HQW is not None:
            return maps_HQW
    edited = [] if edit is None else [edit]

    def attend_values(v_BHKD: Tensor) -> Tensor:
        return answered(layer, given._replace(v_BHKD=v_BHKD), over, edited, parts, kernel).out_BHQD

    return column_maps(layer.over(own.k_HKD.shape[1]), columns_KW, own.k_HKD, attend_values)


def _whose(columns_KW: Tensor, own: MapInputs, controlled: CrossRow | None) -> list[tuple[MapInputs, Tensor]]:
    """The maps of which the asked columns are sums, and the weights (T, W) of their words."""
    if controlled is None:
        return [(own, columns_KW)]
    edit, source = controlled.edit, controlled.source
    asked_TW = columns_KW[: len(edit.token_map.keep_T)].to(edit.token_map.keep_T)
    sums = []
    if edit.uses_target or not edit.uses_source:
        sums.append((own, edit.token_map.keep_T[:, None] * asked_TW))
    if edit.uses_source:
        assert source is not None
        # Among its words alone, a source's map has other sums.
        its = source._replace(log_sum_HQ=None) if edit.own_mass else source
        sums.append((its, edit.token_map.transfer_ST @ asked_TW))
    return sums


def _told(layer: AttentionLayer, whose: Sequence[tuple[MapInputs, Tensor]], kernel: Kernel) -> Tensor | None:
    """The sum of maps; None where the kernel did not tell their sums, or asked for more columns than a call has."""
    if any(inputs.log_sum_HQ is None for inputs, _ in whose):
        return None
    parts = []
    for inputs, weights_TW in whose:
        its = layer.over(inputs.k_HKD.shape[1])
        asked_TW = weights_TW[: len(its.text)]
        tokens_n = asked_TW.any(dim=1).nonzero()[:, 0]
        if len(tokens_n) > inputs.q_HQD.shape[2]:
            return None
        columns_HQn = kernel.columns(inputs, its.queries, tokens_n + its.text.start)
        parts.append(columns_HQn @ asked_TW[tokens_n].to(columns_HQn))
    return sum(parts[1:], parts[0])
