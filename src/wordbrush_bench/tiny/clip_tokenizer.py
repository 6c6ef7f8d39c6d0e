"""A CLIP tokenizer for a handful of words: one token each."""

from collections.abc import Iterable

from tokenizers.models import BPE
from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

END = "</w>"


def tokenizer_of(words: Iterable[str], length: int) -> CLIPTokenizer:
    """Byte-pair merges that join each word's letters; other words fall into what pieces these merges leave, bytes at
    last.
    """
    letters = list(bytes_to_unicode().values())
    tokens = letters + [letter + END for letter in letters]
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
    vocab = {token: i for i, token in enumerate([*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=length)
