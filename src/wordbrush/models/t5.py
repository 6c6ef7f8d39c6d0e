"""T5's tokenizers: which tokens the words of a prompt are, on an axis of any length without a begin token."""

from transformers import T5TokenizerFast

from wordbrush.models.clip import over_limit
from wordbrush.tokens.prompt_tokens import PromptTokens


def read_by_t5_alone(encoder: str) -> str:
    """What is noted of words that another encoder cuts, where T5 reads the whole prompt beside it; `room` is left open
    for the number of its tokens.
    """
    return f"is over {encoder}'s {{room}} tokens and is read by T5 alone"


def t5_tokens(tokenizer: T5TokenizerFast, prompt: str, length: int) -> PromptTokens:
    """Where the prompt's words are: `[words ..., end, padding ...]`, `length` positions.

    Raises `PromptError` when the prompt has more tokens than that, and says which words fall off.
    """
    offsets = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    tokens = PromptTokens.from_offsets(prompt, offsets, begin=0, length=length)
    if len(offsets) > length - 1:
        raise over_limit(tokens, length - 1, begin=0)
    return tokens


def no_tokens(prompt: str, length: int) -> PromptTokens:
    """The part of the axis of an encoder that was left out: all padding."""
    return PromptTokens.from_offsets(prompt, [], begin=0, length=length, num_end=0)
