"""Semantic re-weighting: the maps of chosen words, times a factor."""

import math
from collections.abc import Collection, Mapping

import torch

from wordbrush.edits.token_map import TokenMap
from wordbrush.errors import SettingsError
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens


def reweight(target: PromptTokens, equalizer: Mapping[str, float]) -> TokenMap:
    """Multiply the maps of words (paper section 2.3.3, "Text semantic re-weighting"); no row is normalised again.

    `equalizer` maps a word or phrase of the target prompt to its factor: above one is stronger, between zero and one
    weaker, zero removes the word's pull, below zero pushes away from it.

    Raises `PromptError` for a word that is not in the prompt or is ambiguous, `SettingsError` for a factor that is
    not a finite number.
    """
    keep_T = torch.ones(target.length)
    for word, factor in equalizer.items():
        if not math.isfinite(factor):
            raise SettingsError(f"the weight of '{word}' is {factor}; give a finite number, such as 2.0 or -1")
        keep_T[list(target.find(word))] *= factor
    return TokenMap(torch.zeros(target.length, target.length), keep_T)


def reweight_new(pair: PromptPair, factor: float, weighted: Collection[str]) -> TokenMap:
    """Multiply the maps of the words that the target has and the source has not, apart from those in `weighted`.

    The map is not normalised again, so that new words act more beside words that already have their place (SimEdit,
    arXiv:2606.14125, multiplies them so in FLUX.1).
    """
    target = pair.target
    keep_T = torch.ones(target.length)
    for words in pair.pairs:
        if words.kind in ("new", "swapped"):
            keep_T[list(target.of(words.target))] = factor
    for word in weighted:
        keep_T[list(target.find(word))] = 1
    return TokenMap(torch.zeros(target.length, target.length), keep_T)
