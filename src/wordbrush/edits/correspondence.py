"""Paired words as weights between token positions, special tokens and padding included."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from wordbrush.tokens.align import WordPair
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import Segment


def spread(source: Sequence[int], target: Sequence[int], out_ST: Tensor) -> None:
    """Hand the maps of n source tokens to m target tokens in order, keeping their mass, by writing into `out_ST`.

    Source token i covers [i/n, (i+1)/n), target token j covers [j/m, (j+1)/m), and i gives j the share of its span
    that j covers: one token is duplicated over several at equal parts, several gather on one, and each row written
    sums to one.

    >>> weights = torch.zeros(2, 3)
    >>> spread([0, 1], [0, 1, 2], weights)
    >>> [[round(w, 2) for w in row] for row in weights.tolist()]
    [[0.67, 0.33, 0.0], [0.0, 0.33, 0.67]]
    """
    n, m = len(source), len(target)
    for i, row in enumerate(source):
        for j, column in enumerate(target):
            # Spans in units of 1/(n*m), so that the overlap is exact.
            overlap = min((i + 1) * m, (j + 1) * n) - max(i * m, j * n)
            if overlap > 0:
                out_ST[row, column] = overlap / m


def correspondence(pair: PromptPair, pairs: Iterable[WordPair], *, keep_mass: bool) -> Tensor:
    """Weights (S, T) that bring source maps to target tokens, for the given word pairs and all special tokens.

    Each encoder's tokens correspond among themselves. Begin and end tokens go to each other. A target padding token
    takes the map of the source token at its own position, or of the first source padding where that position is not
    padding, as the published aligner does for prompts that grow. With `keep_mass` the rows sum to one: padding that
    has no place in the target is folded into its first padding, and shared padding is split.
    """
    weights_ST = torch.zeros(pair.source.length, pair.target.length)
    pairs = tuple(pairs)
    for source, target in zip(pair.source.segments, pair.target.segments, strict=True):
        # Everything before the first word: the begin token, where the tokenizer has one.
        for i in range(min(source.first - source.start, target.first - target.start)):
            weights_ST[source.start + i, target.start + i] = 1
        for words in pairs:
            spread(source.of(words.source), target.of(words.target), weights_ST)
        _special(source, target, weights_ST, keep_mass)
    return weights_ST


def _special(source: Segment, target: Segment, weights_ST: Tensor, keep_mass: bool) -> None:
    for i, j in zip(source.end, target.end, strict=True):
        weights_ST[i, j] = 1
    first_source, first_target = source.end.stop, target.end.stop
    if first_source < source.stop:
        offset = source.start - target.start
        for j in range(first_target, target.stop):
            weights_ST[min(max(j + offset, first_source), source.stop - 1), j] = 1
    if keep_mass:
        # Where the target has no padding at all, its end token stands for it.
        offset = source.start - target.start
        weights_ST[first_source : first_target + offset, min(first_target, target.stop - 1)] = 1
        rows = slice(first_source, source.stop)
        weights_ST[rows] /= weights_ST[rows].sum(dim=1, keepdim=True)
