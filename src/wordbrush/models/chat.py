"""Tokenizers of language models: which tokens the words of a prompt are inside of a chat template, by characters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wordbrush.errors import ModelError, PromptError, cited
from wordbrush.models.clip import over_limit
from wordbrush.tokens.prompt_tokens import PromptTokens


def in_chat(tokenizer: Any, prompt: str, **options: object) -> str:
    """What a tokenizer's own template makes of a prompt that a user says."""
    said = [{"role": "user", "content": prompt}]
    text: str = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True, **options)
    return text


@dataclass(frozen=True)
class Chat:
    """How a family's pipeline writes prompts into a conversation and cuts that into tokens.

    `write` puts a prompt into its place. `most` tokens are read, without the first `dropped` ones; the tokenizer may
    have `special` ones to add. `length_of` says how long the text axis is for so many tokens, and `padding_first` that
    its padding begins it.
    """

    tokenizer: Any
    write: Callable[[str], str]
    most: int
    dropped: int = 0
    special: bool = True
    length_of: Callable[[int], int] = int
    padding_first: bool = False

    def tokens(self, prompt: str) -> PromptTokens:
        """Where the prompt's words are: `[template ..., words ..., template ..., padding ...]`.

        Raises `PromptError` when there are more tokens than are read, and says which words fall off.
        """
        offsets = self._offsets(prompt)
        before = sum(stop <= 0 for _, stop in offsets)
        if before < self.dropped:
            raise ModelError(
                f"the model's tokenizer makes {before} tokens of the template before the prompt and its pipeline "
                f"drops {self.dropped}, the prompt's among them; give the tokenizer that it was trained with"
            )
        first = len(prompt) - len(prompt.lstrip())  # spaces before the first word are its own
        words = [(start, max(stop, first + 1)) for start, stop in offsets[before:] if start < len(prompt)]
        count = len(offsets) - self.dropped
        length = self.length_of(count)
        begin = before - self.dropped + (max(0, length - count) if self.padding_first else 0)
        after = len(offsets) - before - len(words)
        tokens = PromptTokens.from_offsets(prompt, words, begin=begin, length=length, num_end=after)
        if count > self.most:
            raise over_limit(tokens, self.most - (count - len(words)), begin)
        return tokens

    def _offsets(self, prompt: str) -> list[tuple[int, int]]:
        """The spans of all tokens, counted from where the prompt begins."""
        text, one, other = self.write(prompt), self.write("a"), self.write("b")
        start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(text))
        if text[start : start + len(prompt)] != prompt:
            raise PromptError(
                f"the model's chat template rewrites the prompt '{cited(prompt)}'; write it in plain words"
            )
        encoded = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=self.special, verbose=False)
        return [(first - start, stop - start) for first, stop in encoded["offset_mapping"]]
