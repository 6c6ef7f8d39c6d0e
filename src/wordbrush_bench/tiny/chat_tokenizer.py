"""A byte-level tokenizer as Qwen's, for a handful of words: one token each, with a space before it or without."""

from collections.abc import Iterable

from tokenizers.models import BPE
from transformers import Qwen2Tokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MARKS = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")

THINKING = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
)
"""Qwen3's chat template, as far as a single prompt needs it."""


def chat_tokenizer(words: Iterable[str], template: str = THINKING, marks: Iterable[str] = MARKS) -> Qwen2Tokenizer:
    """Byte-pair merges that join each word's letters; other words fall into what pieces these merges leave."""
    space = bytes_to_unicode()[ord(" ")]
    tokens, merges = list(bytes_to_unicode().values()), list[tuple[str, str]]()
    for unit in [unit for word in sorted(words) for unit in (word, space + word)]:
        known = BPE({token: i for i, token in enumerate(tokens)}, merges)
        left, *rest = (token.value for token in known.tokenize(unit))
        for right in rest:
            merges.append((left, right))
            left += right
            tokens.append(left)
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    made = Qwen2Tokenizer(vocab=vocab, merges=merges, extra_special_tokens=list(marks))
    made.chat_template = template
    return made
