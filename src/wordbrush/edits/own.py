"""No correspondence: every word keeps its own map, and what holds the layout is taken from inside the source."""

from wordbrush.edits.token_map import TokenMap
from wordbrush.tokens.pair import PromptPair


def own(pair: PromptPair) -> TokenMap:
    """The edit of no word. Weights still act on it, and `self_replace_steps` beside it."""
    return TokenMap.identity(pair.source.length, pair.target.length)
