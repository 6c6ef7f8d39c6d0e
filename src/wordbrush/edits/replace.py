"""Text replacement: each word of the edited prompt takes over the map of the word whose place it takes."""

import torch

from wordbrush.edits.correspondence import correspondence
from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.align import pair_every_word
from wordbrush.tokens.pair import PromptPair


def replace(pair: PromptPair) -> TokenMap:
    """Inject all of the source's maps (report, section 2.3.3, "Text replacement").

    Words with different numbers of tokens share maps as in `correspondence.spread`; each row of the edited map has the
    same sum as the source's. The published mapper goes wrong after a swap of words with different numbers of tokens.
    This one does not, and equals the published one if the numbers are equal.

    Raises `PromptError` for a word without a partner (see `align.pair_every_word`).
    """
    transfer_ST = correspondence(pair, pair_every_word(pair.source, pair.target), keep_mass=True)
    return TokenMap(transfer_ST, torch.zeros(pair.target.length))
