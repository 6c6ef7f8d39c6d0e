"""The edit that two prompts ask for, word by word: swapped words are replaced, new words are refined."""

import torch

from wordbrush.edits.correspondence import correspondence
from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.pair import PromptPair


def auto(pair: PromptPair) -> TokenMap:
    """Shared and swapped words take over the source's maps; new words keep their own.

    This equals `replace` if words are only swapped, and `refine` if words are only added.
    """
    only_swaps = all(words.kind in ("same", "swapped") for words in pair.pairs)
    # New words bring their own mass, so the source's rows are kept whole only if there are none.
    transfer_ST = correspondence(pair, pair.pairs, keep_mass=only_swaps)
    if only_swaps:
        return TokenMap(transfer_ST, torch.zeros(pair.target.length))
    return TokenMap(transfer_ST, (transfer_ST == 0).all(dim=0).to(transfer_ST.dtype))
