"""Text replacement: each word of the edited prompt takes over the map of the word in whose place it stands."""

import torch

from wordbrush.edits.correspondence import correspondence
from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.align import pair_every_word
from wordbrush.tokens.pair import PromptPair


def replace(pair: PromptPair) -> TokenMap:
    """Inject all source maps (paper section 2.3.3, "Text replacement").

    Words of different token counts share maps as `correspondence.spread` says; rows of the edited map sum to what
    rows of the source map sum to. The published mapper goes wrong after a swap of unequal token counts; this one does
    not, and equals it where the counts are equal.

    Raises `PromptError` when a word has no partner (see `align.pair_every_word`).
    """
    transfer_ST = correspondence(pair, pair_every_word(pair.source, pair.target), keep_mass=True)
    return TokenMap(transfer_ST, torch.zeros(pair.target.length))
