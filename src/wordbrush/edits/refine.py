"""Text refinement: words that both prompts share take the source's map, all others keep their own."""

from wordbrush.edits.correspondence import correspondence
from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.align import align_words
from wordbrush.tokens.prompt_tokens import PromptTokens


def refine(source: PromptTokens, target: PromptTokens) -> TokenMap:
    """Inject the source maps of the shared words only (paper section 2.3.3, "Text refinement").

    Equals the published refinement where no word repeats and the prompt does not shrink (`docs/decisions/0001`).
    """
    shared = [pair for pair in align_words(source, target) if pair.kind == "same"]
    transfer_ST = correspondence(source, target, shared, keep_mass=False)
    return TokenMap(transfer_ST, (transfer_ST == 0).all(dim=0).to(transfer_ST.dtype))
