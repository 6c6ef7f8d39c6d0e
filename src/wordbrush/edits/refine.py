"""Text refinement: words that both prompts share take the source's map; all others keep their own."""

from wordbrush.edits.correspondence import correspondence
from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.pair import PromptPair


def refine(pair: PromptPair) -> TokenMap:
    """Inject the source's maps of the shared words only (report, section 2.3.3, "Text refinement").

    This equals the published refinement if no word repeats and the prompt does not shrink (`docs/decisions/0001`).
    """
    shared = [words for words in pair.pairs if words.kind == "same"]
    transfer_ST = correspondence(pair, shared, keep_mass=False)
    return TokenMap(transfer_ST, (transfer_ST == 0).all(dim=0).to(transfer_ST.dtype))
