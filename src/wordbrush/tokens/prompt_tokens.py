"""Which token positions each word of a prompt takes on the text axis of a model."""

from collections.abc import Sequence
from dataclasses import dataclass

from wordbrush.tokens.words import Word, find_words, split_words


@dataclass(frozen=True)
class PromptTokens:
    """A prompt on the token axis of length `length`: `[begin, words ..., end, padding ...]`.

    `positions[i]` are the token positions of `words[i]`, ascending; `end` is the position of the end token.
    """

    text: str
    words: tuple[Word, ...]
    positions: tuple[tuple[int, ...], ...]
    end: int
    length: int

    @classmethod
    def from_offsets(cls, text: str, offsets: Sequence[tuple[int, int]], *, begin: int, length: int) -> "PromptTokens":
        """Assign tokens to words by character offsets.

        `offsets[k]` is the character span of the k-th token of the text itself (no begin or end token), which stands
        at position `begin + k`. A token that covers several words belongs to the first.

        >>> PromptTokens.from_offsets("a corgi", [(0, 1), (2, 5), (5, 7)], begin=1, length=8).positions
        ((1,), (2, 3))
        """
        words = split_words(text)
        positions: list[list[int]] = [[] for _ in words]
        for index, (start, stop) in enumerate(offsets):
            owner = next((w for w, word in enumerate(words) if start < word.end and word.start < stop), None)
            if owner is not None:
                positions[owner].append(begin + index)
        return cls(text, words, tuple(map(tuple, positions)), end=begin + len(offsets), length=length)

    def of(self, words: range) -> tuple[int, ...]:
        """Token positions of a range of words, in order."""
        return tuple(position for word in words for position in self.positions[word])

    def find(self, selector: str) -> tuple[int, ...]:
        """Token positions of the word or phrase that `selector` names (see `words.find_words`, and its errors)."""
        return self.of(find_words(self.text, selector))

    def phrase(self, words: range) -> str:
        """The words as they stand in the prompt."""
        return self.text[self.words[words.start].start : self.words[words.stop - 1].end] if words else ""
