"""Paired words as weights between token positions, including special tokens and padding."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from wordbrush.tokens.align import WordPair
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import Segment


def spread(source: Sequence[int], target: Sequence[int], out_ST: Tensor) -> None:
    """Give the maps of n source tokens to m target tokens in order, keeping their mass, by writing into `out_ST`.

    Source token i covers the span [i/n, (i+1)/n) and target token j covers [j/m, (j+1)/m). Token i gives token j the
    share of i's span that j covers. So one token is divided equally over several, several add up in one, and each row
    that is written sums to one.

    >>> weights = torch.zeros(2, 3)
    >>> spread([0, 1], [0, 1, 2], weights)
    >>> [[round(w, 2) for w in row] for row in weights.tolist()]
    [[0.67, 0.33, 0.0], [0.0, 0.33, 0.67]]
    """
    n, m = len(source), len(target)
    for i, row in enumerate(source):
        for j, column in enumerate(target):
            # In units of 1/(n*m), in which the overlap is exact.
            overlap = min((i + 1) * m, (j + 1) * n) - max(i * m, j * n)
            if overlap > 0:
                out_ST[row, column] = overlap / m


def correspondence(pair: PromptPair, pairs: Iterable[WordPair], *, keep_mass: bool) -> Tensor:
    """Weights (S, T) that bring source maps to target tokens, for the given word pairs and all special tokens.

    Each encoder's tokens correspond only with each other. Begin and end tokens go to each other, and so does padding
    at the beginning of the axis. A target padding token takes the map of the source token at its own position, or of
    the first source padding token if that position is not padding, as in the published aligner for prompts that grow.
    With `keep_mass` rows sum to one: source padding without a counterpart is added to the target's first padding
    token, and shared padding is split.
    """
    weights_ST = torch.zeros(pair.source.length, pair.target.length)
    pairs = tuple(pairs)
    for source, target in zip(pair.source.segments, pair.target.segments, strict=True):
        _beginning(source, target, weights_ST, keep_mass)
        for words in pairs:
            spread(source.of(words.source), target.of(words.target), weights_ST)
        _special(source, target, weights_ST, keep_mass)
    return weights_ST


def _beginning(source: Segment, target: Segment, weights_ST: Tensor, keep_mass: bool) -> None:
    """Everything before the first word, counted back from it: a begin token, a template, padding before them."""
    before = source.first - source.start, target.first - target.start
    for i in range(1, min(before) + 1):
        weights_ST[source.first - i, target.first - i] = 1
    more = before[1] - before[0]
    if more > 0 and before[0]:
        weights_ST[source.start, target.start : target.start + more] = 1
        weights_ST[source.start] /= weights_ST[source.start].sum() if keep_mass else 1
    elif more < 0 and before[1] and keep_mass:
        weights_ST[source.start : source.start - more, target.start] = 1


def _special(source: Segment, target: Segment, weights_ST: Tensor, keep_mass: bool) -> None:
    for i, j in zip(source.end, target.end, strict=True):
        weights_ST[i, j] = 1
    first_source, first_target = source.end.stop, target.end.stop
    if first_source < source.stop:
        offset = source.start - target.start
        for j in range(first_target, target.stop):
            weights_ST[min(max(j + offset, first_source), source.stop - 1), j] = 1
    if keep_mass:
        # If the target has no padding at all, its end token takes the padding's place.
        rows = weights_ST[first_source : source.stop]
        rows[rows.sum(dim=1) == 0, min(first_target, target.stop - 1)] = 1
        rows /= rows.sum(dim=1, keepdim=True)
