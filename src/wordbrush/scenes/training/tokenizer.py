"""A CLIP tokenizer for the bundled model's words: one token each, bytes for everything else."""

from collections.abc import Iterable
from itertools import pairwise

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MAX_LENGTH = 24
"""Positions on the text axis, begin and end included."""


def build_tokenizer(words: Iterable[str]) -> CLIPTokenizer:
    """Build byte-pair merges that join each word's letters into one token.

    >>> tokenizer = build_tokenizer({"banana", "an", "apple"})
    >>> [len(tokenizer(text, add_special_tokens=False).input_ids) for text in ("banana", "an apple", "fig")]
    [1, 2, 3]
    """
    alphabet = list(bytes_to_unicode().values())
    tokens = alphabet + [letter + "</w>" for letter in alphabet]
    merges: dict[tuple[str, str], int] = {}
    for word in sorted(words):
        # Earlier words' merges come first wherever they fit ("an" in "banana"); only what they leave apart is joined,
        # and such late merges cannot disturb the words before.
        left, *rest = _split([*word[:-1], word[-1] + "</w>"], merges)
        for right in rest:
            merges[left, right] = len(merges)
            left += right
            tokens.append(left)
    ids = {token: i for i, token in enumerate([*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=ids, merges=list(merges), model_max_length=MAX_LENGTH)


def _split(parts: list[str], merges: dict[tuple[str, str], int]) -> list[str]:
    """Byte-pair encoding: the parts that remain when every merge that fits was applied, the earliest first."""
    while True:
        pairs = [pair for pair in pairwise(parts) if pair in merges]
        if not pairs:
            return parts
        best = min(pairs, key=merges.__getitem__)
        joined: list[str] = []
        for part in parts:
            if joined and (joined[-1], part) == best:
                joined[-1] += part
            else:
                joined.append(part)
        parts = joined
