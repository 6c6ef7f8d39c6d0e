"""Semantic re-weighting: the maps of chosen words, multiplied by factors."""

from collections.abc import Collection, Mapping

import torch

from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens


def reweight(target: PromptTokens, equalizer: Mapping[str, float]) -> TokenMap:
    """Multiply the maps of words (report, section 2.3.3, "Text semantic re-weighting"). Rows are not normalised again.

    `equalizer` maps a word or phrase of the target prompt to its factor. Above one is stronger, between zero and one
    weaker, zero removes the word's effect, and below zero pushes away from it. `EditSettings` checks them.

    Raises `PromptError` for a word that is ambiguous or not in the prompt.
    """
    keep_T = torch.ones(target.length)
    for word, factor in equalizer.items():
        keep_T[list(target.find(word))] *= factor
    return TokenMap.of_weights(keep_T)


def reweight_new(pair: PromptPair, factor: float, weighted: Collection[str]) -> TokenMap:
    """Multiply the maps of the words that the target has and the source does not, except those in `weighted`.

    Rows are not normalised again, so new words act more strongly beside words that already have their place (as in
    SimEdit, arXiv:2606.14125, for FLUX.1).
    """
    target = pair.target
    keep_T = torch.ones(target.length)
    for words in pair.pairs:
        if words.kind in ("new", "swapped"):
            keep_T[list(target.of(words.target))] = factor
    for word in weighted:
        keep_T[list(target.find(word))] = 1
    return TokenMap.of_weights(keep_T)
