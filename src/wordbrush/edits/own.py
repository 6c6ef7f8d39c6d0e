"""No correspondence: every word keeps its own map, and the layout is held by other means."""

from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.pair import PromptPair


def own(pair: PromptPair) -> TokenMap:
    """The edit that leaves every word its own map. Weights still act on it, and `self_replace_steps` acts as well."""
    return TokenMap.identity(pair.source.length, pair.target.length)
