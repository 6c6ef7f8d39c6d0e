"""A CLIP tokenizer for the bundled model's words: one token each, bytes for everything else."""

from collections.abc import Iterable

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MAX_LENGTH = 20
"""Positions on the text axis, begin and end included."""


def build_tokenizer(words: Iterable[str]) -> CLIPTokenizer:
    """Build byte-pair merges that join each word's letters, from the left, into one token.

    >>> tokenizer = build_tokenizer({"dog", "apple"})
    >>> [len(tokenizer(text, add_special_tokens=False).input_ids) for text in ("dog", "an apple", "fig")]
    [1, 3, 3]
    """
    alphabet = list(bytes_to_unicode().values())
    vocabulary = alphabet + [letter + "</w>" for letter in alphabet]
    merges: list[tuple[str, str]] = []
    for word in sorted(words):
        parts = [*word[:-1], word[-1] + "</w>"]
        left = parts[0]
        for right in parts[1:]:
            if (left, right) not in merges:
                merges.append((left, right))
                vocabulary.append(left + right)
            left += right
    ids = {token: i for i, token in enumerate([*dict.fromkeys(vocabulary), "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=MAX_LENGTH)
