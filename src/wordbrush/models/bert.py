"""BERT's tokenizers: which tokens the words of a prompt are, between a begin and an end token."""

from dataclasses import replace
from typing import Any

from wordbrush.models.clip import over
from wordbrush.models.t5 import read_by_t5_alone
from wordbrush.tokens.prompt_tokens import PromptTokens


def bert_tokens(tokenizer: Any, prompt: str, length: int) -> PromptTokens:
    """Where the prompt's words are: `[begin, words ..., end, padding ...]`, `length` positions.

    Words over its limit have no token here, and are named in a note: another encoder reads them.
    """
    offsets = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    tokens = PromptTokens.from_offsets(prompt, offsets, begin=1, length=length)
    room = length - 2
    if len(offsets) <= room:
        return tokens
    kept = PromptTokens.from_offsets(prompt, offsets[:room], begin=1, length=length)
    note = read_by_t5_alone("BERT").format(room=room)
    return replace(kept, notes=(f"'{over(tokens, room)}' {note}",))
