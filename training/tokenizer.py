"""A CLIP tokenizer for the bundled model's words: one token each, bytes for everything else."""

from collections.abc import Iterable

from transformers import CLIPTokenizer

from wordbrush_bench.tiny.clip_tokenizer import tokenizer_of

MAX_LENGTH = 24
"""Positions on the text axis, begin and end included."""


def build_tokenizer(words: Iterable[str]) -> CLIPTokenizer:
    """Build byte-pair merges that join each word's letters into one token.

    >>> tokenizer = build_tokenizer({"banana", "an", "apple"})
    >>> [len(tokenizer(text, add_special_tokens=False).input_ids) for text in ("banana", "an apple", "fig")]
    [1, 2, 3]
    """
    return tokenizer_of(words, MAX_LENGTH)
