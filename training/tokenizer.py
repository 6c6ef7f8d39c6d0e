"""A CLIP tokenizer for the bundled model's words: one token each, bytes for everything else."""

from collections.abc import Iterable

from tokenizers.models import BPE
from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MAX_LENGTH = 24
"""Positions on the text axis, begin and end included."""
END = "</w>"


def build_tokenizer(words: Iterable[str]) -> CLIPTokenizer:
    """Build byte-pair merges that join each word's letters into one token.

    >>> tokenizer = build_tokenizer({"banana", "an", "apple"})
    >>> [len(tokenizer(text, add_special_tokens=False).input_ids) for text in ("banana", "an apple", "fig")]
    [1, 2, 3]
    """
    alphabet = list(bytes_to_unicode().values())
    tokens = alphabet + [letter + END for letter in alphabet]
    merges: list[tuple[str, str]] = []
    for word in sorted(words):
        # Earlier words' merges come first wherever they fit ("an" in "banana"); only what they leave apart is joined,
        # and such late merges cannot disturb the words before.
        known = BPE({token: i for i, token in enumerate(tokens)}, merges, end_of_word_suffix=END)
        left, *rest = (token.value for token in known.tokenize(word))
        for right in rest:
            merges.append((left, right))
            left += right
            tokens.append(left)
    ids = {token: i for i, token in enumerate([*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=MAX_LENGTH)
